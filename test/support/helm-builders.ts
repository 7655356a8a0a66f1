import { snapshotOf } from '../../agent/helm/snapshot/observe.ts'
import type { Snapshot } from '../../agent/mirror/model.ts'
import type { StoredRelease } from '../../proto/helm/stored.ts'
import type { HelmReleaseSpec, HelmReleaseStatus } from '../../proto/model/flux/helm/helm-release.ts'
import type { HelmRelease } from '../../proto/model/flux/helm/kinds.ts'
import type { Manifest } from '../../proto/model/manifest.ts'

/** A HelmRelease `app` in `apps`, seen in generation 1. */
export function aHelmRelease(
  o: {
    readonly spec?: Partial<HelmReleaseSpec>
    readonly status?: Partial<HelmReleaseStatus>
    readonly metadata?: Partial<Manifest['metadata']>
  } = {},
): HelmRelease {
  return {
    apiVersion: 'helm.toolkit.fluxcd.io/v2',
    kind: 'HelmRelease',
    metadata: { name: 'app', namespace: 'apps', generation: 1, ...o.metadata },
    spec: { interval: '10m', chartRef: { kind: 'OCIRepository', name: 'app' }, ...o.spec },
    status: { ...o.status },
  }
}

/** A version of the release `app` in Helm's storage. */
export function aStoredRelease(
  o: Partial<Omit<StoredRelease, 'info'>> & { readonly status?: StoredRelease['info']['status'] } = {},
): StoredRelease {
  const { status = 'deployed', ...rest } = o
  const version = o.version ?? 1
  return {
    name: 'app',
    namespace: 'apps',
    info: { status, first_deployed: '2026-08-01T10:00:00Z', last_deployed: `2026-08-0${version}T10:00:00Z` },
    chart: { name: 'app', version: '1.0.0' },
    config: { text: 'one' },
    manifest: '',
    hooks: [],
    applyMethod: 'ssa',
    secret: { namespace: 'apps', name: `sh.helm.release.v1.app.v${version}`, resourceVersion: `${version}` },
    ...rest,
    version,
  }
}

/** What a status keeps of it, the tests that it ran included. */
export function aSnapshot(stored: StoredRelease, testHooks?: Snapshot['testHooks']): Snapshot {
  return { ...snapshotOf(stored, { action: 'install' }), ...(testHooks ? { testHooks } : {}) }
}
