import { type Manifest, refOf } from '../../../proto/model/manifest.ts'
import { versionOf } from '../../../proto/model/object-ref.ts'
import { trackedVersion } from '../chart-version.ts'
import type { ReadyChart } from '../ports.ts'
import { archiveOnDisk, type ChartFacts, readArchive } from './archive.ts'

export interface ChartsDeps {
  /** The archive of a digest. */
  readonly bytes: (digest: string, signal: AbortSignal) => Promise<Uint8Array>
  readonly tempDir: string
}

/** Charts by the digest of their archive: what they are is remembered, they themselves are not. */
export interface Charts {
  get(o: {
    readonly digest: string
    readonly revision: string
    readonly isOci: boolean
    readonly signal: AbortSignal
  }): Promise<{ readonly chart: ReadyChart } | { readonly reason: string; readonly problem: string }>
}

const REMEMBERED = 500

export function openCharts({ bytes, tempDir }: ChartsDeps): Charts {
  const known = new Map<string, ChartFacts>()
  return {
    async get({ digest, isOci, revision, signal }) {
      const facts = known.get(digest) ?? (await readArchive(await bytes(digest, signal)))
      if ('problem' in facts) return { reason: 'ArtifactFailed', problem: `Could not load chart: ${facts.problem}` }
      known.delete(digest)
      known.set(digest, facts)
      for (const oldest of known.keys()) if (known.size > REMEMBERED) known.delete(oldest)
      const tracked = isOci ? trackedVersion(facts.version, revision) : { version: facts.version }
      if ('problem' in tracked) return { reason: 'ChartMutateError', problem: tracked.problem }
      const onDisk = async () => archiveOnDisk(await bytes(digest, signal), tempDir)
      const { name, appVersion } = facts
      return { chart: { name, appVersion, ...tracked, onDisk, crds: facts.crds.map(entryOf) } }
    },
  }
}

/** A CustomResourceDefinition as the inventory names it. */
function entryOf(definition: Manifest) {
  const { group, kind, name } = refOf(definition)
  return { id: `_${name}_${group}_${kind}`, v: versionOf(definition.apiVersion) }
}
