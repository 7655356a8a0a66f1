import { metaTime } from '../../proto/model/condition.ts'
import type { SourceStatusFact } from '../../proto/model/facts.ts'
import type { Artifact } from '../../proto/model/flux/source/artifact.ts'
import type { OCIRepository, SourceObject } from '../../proto/model/flux/source/kinds.ts'
import { LAYER_DIGEST } from '../../proto/model/names.ts'
import type { SourceObservations, SourceOutcome } from '../mirror/model.ts'

type Stored = Extract<SourceOutcome, { readonly kind: 'stored' }>

/** What of the success differs between the kinds. */
interface Making {
  /** Name of the artifact's file, and of the link to the newest. */
  readonly file: string
  readonly latest?: string
  readonly digest?: string | undefined
  readonly metadata?: Readonly<Record<string, string>>
  readonly said?: NonNullable<Stored['said']>
  readonly verified?: string
  readonly observed?: SourceObservations
}

/** The success that the hub found, as Flux would write it; undefined while there is no artifact. */
export function storedOutcome(object: SourceObject, fact: SourceStatusFact): Stored | undefined {
  if (fact.revision === '' || fact.artifactDigest === '') return undefined
  const { digest, file, latest, metadata, observed, said, verified } = makingOf(object, fact)
  const folder = `${object.kind.toLowerCase()}/${object.metadata.namespace ?? ''}/${object.metadata.name}`
  const found = { digest: digest ?? fact.artifactDigest, path: `${folder}/${file}`, ...(metadata ? { metadata } : {}) }
  return {
    kind: 'stored',
    artifact: artifactOf(object, fact, found),
    ...(said ? { said } : {}),
    ...(verified === undefined ? {} : { verified }),
    observed: { ...observed, ...(latest === undefined ? {} : { url: addressOf(`${folder}/${latest}`) }) },
  }
}

/** The artifact as Flux would give it to others. Its time is when this content came, so that a status does not move by itself. */
function artifactOf(
  { status }: SourceObject,
  fact: SourceStatusFact,
  found: Pick<Artifact, 'path' | 'metadata'> & { readonly digest: string },
): Artifact {
  const old = status.artifact
  const same = old?.revision === fact.revision && old.digest === found.digest
  return {
    ...found,
    lastUpdateTime: same ? old.lastUpdateTime : metaTime(fact.artifactAt),
    revision: fact.revision,
    size: fact.artifactBytes,
    url: addressOf(found.path),
  }
}

function makingOf(object: SourceObject, fact: SourceStatusFact): Making {
  const { revision } = fact
  const hash = revision.slice(revision.lastIndexOf(':') + 1)
  switch (object.kind) {
    case 'GitRepository':
      return { file: `${hash}.tar.gz`, observed: ignoreOf(object.spec) }
    case 'OCIRepository':
      return ociMaking(object, fact)
    case 'Bucket':
      return { file: `${hash}.tar.gz`, latest: 'latest.tar.gz', said: storedSaid(revision), observed: ignoreOf(object.spec) }
    case 'HelmRepository':
      return {
        file: `index-${hash}.yaml`,
        latest: 'index.yaml',
        digest: revision,
        said: storedSaid(revision),
      }
    case 'HelmChart':
      return { ...chartMaking(fact), ...(object.spec.verify ? { verified: `verified signature of version ${revision}` } : {}) }
    default:
      return object satisfies never
  }
}

function ociMaking({ spec }: OCIRepository, { metadata: told = {}, revision }: SourceStatusFact): Making {
  const { [LAYER_DIGEST]: digest, ...metadata } = told
  return {
    file: `${revision.slice(revision.lastIndexOf('@') + 1)}.tar.gz`,
    latest: 'latest.tar.gz',
    digest,
    ...(Object.keys(metadata).length > 0 ? { metadata } : {}),
    said: { reason: 'Succeeded', message: `stored artifact for digest '${revision}'` },
    ...(spec.verify ? { verified: `verified signature of revision ${revision}` } : {}),
    observed: { ...ignoreOf(spec), ...(spec.layerSelector ? { observedLayerSelector: spec.layerSelector } : {}) },
  }
}

function chartMaking({ metadata = {}, revision }: SourceStatusFact): Making {
  const { chart = '', digest, packaged, source, valuesFiles } = metadata
  const merged = valuesFiles === undefined ? [] : (JSON.parse(valuesFiles) as readonly string[])
  const told = `${packaged ? 'packaged' : 'pulled'} '${chart}' chart with version '${revision}'`
  return {
    file: `${chart}-${revision}.tgz`,
    latest: 'latest.tar.gz',
    digest,
    said: {
      reason: packaged ? 'ChartPackageSucceeded' : 'ChartPullSucceeded',
      message: merged.length > 0 ? `${told} and merged values files [${merged.join(' ')}]` : told,
    },
    observed: {
      observedChartName: chart,
      ...(source === undefined ? {} : { observedSourceArtifactRevision: source }),
      ...(merged.length > 0 ? { observedValuesFiles: merged } : {}),
    },
  }
}

function storedSaid(revision: string): NonNullable<Stored['said']> {
  return { reason: 'Succeeded', message: `stored artifact: revision '${revision}'` }
}

function ignoreOf({ ignore }: { readonly ignore?: string }): SourceObservations {
  return ignore === undefined ? {} : { observedIgnore: ignore }
}

function addressOf(path: string): string {
  return `http://source-controller.flux-system.svc.cluster.local./${path}`
}
