import { normalize } from 'node:path/posix'
import type { FluxObject } from '../../../proto/model/flux/kinds.ts'
import { parseFluxObject } from '../../../proto/model/flux/parse.ts'
import type { Bucket, GitRepository, HelmChart, HelmRepository } from '../../../proto/model/flux/source/kinds.ts'
import { unserved, unservedMessage } from '../../../proto/model/flux/unserved.ts'
import type { ChartOptions, Frozen } from '../model.ts'
import { type Asked, stalled, type Unserved, type Upstream, waiting } from './asked.ts'
import { askedOfRepository, bucketPlace, gitOptions } from './repositories.ts'

const CHART_NAME = /^[-a-z0-9]+(\/[-a-z0-9]+)*\/?$/
const PLURALS = { HelmRepository: 'helmrepositories', GitRepository: 'gitrepositories', Bucket: 'buckets' } as const

/** What of a chart is not in its spec. */
interface OwnFacts {
  readonly generation: number
  /** The vault's id of the public keys that came with it. */
  readonly signers: string | undefined
}

/** What a HelmChart asks for: its repository's address and credential go into it. */
export function askedOfChart(chart: HelmChart, own: OwnFacts, upstream: Upstream | undefined): Asked | Unserved {
  const { kind, name } = chart.spec.sourceRef
  if (!upstream) return waiting('SourceUnavailable', `failed to get source: ${PLURALS[kind]}.source.toolkit.fluxcd.io "${name}" not found`)
  const parsed = parseFluxObject(upstream.manifest)
  const missing = `no artifact available for ${kind} source '${name}'`
  if ('problems' in parsed) return waiting('NoSourceArtifact', missing)
  const { object } = parsed
  const lacking = unserved(object)
  if (lacking.length > 0) return waiting('NoSourceArtifact', `${missing}: ${unservedMessage(lacking)}`)
  if (upstream.credentialProblem) return { problem: upstream.credentialProblem }
  const asked = askedOfSource(chart, own, object)
  if (!asked) return stalled('UnsupportedSourceKind', `failed to get source: unsupported source kind '${kind}'`)
  if ('problem' in asked || !isFrozen(object)) return asked
  return upstream.released ? frozenAt(upstream.released, asked) : waiting('NoSourceArtifact', missing)
}

function askedOfSource(chart: HelmChart, own: OwnFacts, object: FluxObject): Asked | Unserved | undefined {
  switch (object.kind) {
    case 'HelmRepository':
      return askedOfHelm(chart, own, object)
    case 'GitRepository':
      return askedOfGit(chart, own.generation, object)
    case 'Bucket':
      return askedOfBucket(chart, own.generation, object)
    default:
      return undefined
  }
}

/** True for a source that keeps what it has; a place in a registry has nothing to keep, and Flux looks there all the same. */
function isFrozen({ kind, spec }: FluxObject): boolean {
  return 'suspend' in spec && spec.suspend === true && !(kind === 'HelmRepository' && spec.type === 'oci')
}

function frozenAt(frozen: Frozen, asked: Asked): Asked {
  return asked.kind === 'HelmChart' ? { ...asked, options: { ...asked.options, frozen } } : asked
}

function askedOfHelm(chart: HelmChart, { generation, signers }: OwnFacts, repository: HelmRepository): Asked | Unserved {
  const asked = askedOfRepository(repository)
  if (asked && 'problem' in asked) return asked
  const { chart: name, version } = chart.spec
  if (!CHART_NAME.test(name))
    return stalled(
      'InvalidChartReference',
      `invalid chart reference: invalid chart name '${name}': a valid name must be lower case letters and numbers and MAY be separated with dashes (-) or slashes (/)`,
    )
  const { insecure, passCredentials, timeout, url } = repository.spec
  if (chart.spec.verify && !url.startsWith('oci://'))
    return stalled(
      'VerificationError',
      "failed to verify the signature using provider 'cosign': only charts of registries carry signatures",
    )
  if (chart.spec.verify && signers === undefined)
    return waiting(
      'VerificationError',
      "failed to verify the signature using provider 'cosign': the public keys have not been reported yet",
    )
  const options: ChartOptions = {
    chart: name,
    version,
    ...valuesOptions(chart, generation),
    ...(passCredentials ? { passCredentials: true } : {}),
    ...(insecure ? { insecure: true } : {}),
    ...(chart.spec.verify && signers !== undefined ? { signers } : {}),
  }
  return { kind: 'HelmChart', options, url, interval: chart.spec.interval, timeout }
}

function askedOfGit(chart: HelmChart, generation: number, repository: GitRepository): Asked | Unserved {
  const asked = askedOfRepository(repository)
  if (asked && 'problem' in asked) return asked
  const options: ChartOptions = { ...treeOptions(chart, generation), git: gitOptions(repository) }
  const { timeout, url } = repository.spec
  return { kind: 'HelmChart', options, url, interval: chart.spec.interval, timeout }
}

function askedOfBucket(chart: HelmChart, generation: number, object: Bucket): Asked | Unserved {
  const place = bucketPlace(object)
  if ('problem' in place) return place
  const options: ChartOptions = { ...treeOptions(chart, generation), bucket: place.options }
  return { kind: 'HelmChart', options, url: place.url, interval: chart.spec.interval, timeout: object.spec.timeout }
}

/** What a chart at a path has, whatever it is a path of. */
function treeOptions(chart: HelmChart, generation: number): ChartOptions {
  const { chart: path, reconcileStrategy } = chart.spec
  return {
    chart: normalize(`/${path}`).slice(1),
    version: '',
    ...(reconcileStrategy === 'Revision' ? { byRevision: true } : {}),
    ...valuesOptions(chart, generation),
  }
}

/** Values files other than the chart's own make the object's generation part of the version, as in Flux. */
function valuesOptions({ spec }: HelmChart, generation: number) {
  const { ignoreMissingValuesFiles, valuesFiles = [] } = spec
  const isOwn = valuesFiles.length === 1 && normalize(valuesFiles[0] ?? '') === 'values.yaml'
  if (valuesFiles.length === 0 || isOwn) return {}
  return { valuesFiles, generation, ...(ignoreMissingValuesFiles ? { ignoreMissingValuesFiles: true as const } : {}) }
}
