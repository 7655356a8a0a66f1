import type { KubernetesObject } from '@kubernetes/client-node'
import { systemClock } from '../../proto/base/clock.ts'
import { FleetError, messageOf } from '../../proto/base/errors.ts'
import { type Manifest, refOf } from '../../proto/model/manifest.ts'
import { formatRef } from '../../proto/model/object-ref.ts'
import { kubeconfigPath } from './kubeconfig.ts'

/** A cluster that a person has access to with their own kubeconfig. */
export interface TargetCluster {
  readonly server: string
  exists(manifest: Manifest): Promise<boolean>
  /** Server-side apply, taking over fields that others have set. */
  apply(manifest: Manifest): Promise<void>
  /** Waits until the API server serves the kinds of these CRDs. */
  established(crds: readonly Manifest[], options: { readonly signal: AbortSignal }): Promise<void>
}

const MANAGER = 'flotilla-cli'
const LOOK_AGAIN_MS = 250

export async function openTarget({
  context,
  env,
  file,
}: {
  readonly env: Readonly<Record<string, string | undefined>>
  readonly file: string | undefined
  readonly context: string | undefined
}): Promise<TargetCluster> {
  // Takes most of a second to load, which only this command should wait for.
  const { KubeConfig, KubernetesObjectApi, PatchStrategy } = await import('@kubernetes/client-node')
  const path = file ?? kubeconfigPath(env)
  const config = new KubeConfig()
  config.loadFromFile(path)
  if (context !== undefined && !config.getContextObject(context))
    throw new FleetError(
      'not-found',
      `${path} has no context ${context}; it has ${
        config
          .getContexts()
          .map(({ name }) => name)
          .join(', ') || 'none'
      }`,
    )
  if (context !== undefined) config.setCurrentContext(context)
  const api = KubernetesObjectApi.makeApiClient(config)
  const read = (manifest: Manifest) =>
    api.read({ apiVersion: manifest.apiVersion, kind: manifest.kind, metadata: { ...namesOf(manifest) } })

  return {
    server: config.getCurrentCluster()?.server ?? '',
    async exists(manifest) {
      try {
        await read(manifest)
        return true
      } catch (error) {
        if (statusOf(error) === 404) return false
        throw failed('read', manifest, error)
      }
    },
    async apply(manifest) {
      try {
        await api.patch(manifest as unknown as KubernetesObject, undefined, undefined, MANAGER, true, PatchStrategy.ServerSideApply)
      } catch (error) {
        throw failed('apply', manifest, error)
      }
    },
    async established(crds, { signal }) {
      for (const crd of crds) while (!isEstablished(await read(crd))) await systemClock.sleep(LOOK_AGAIN_MS, signal)
    },
  }
}

function isEstablished(crd: unknown): boolean {
  const { status } = crd as { status?: { conditions?: readonly { type: string; status: string }[] } }
  return status?.conditions?.some(({ status: is, type }) => type === 'Established' && is === 'True') === true
}

function namesOf({ metadata: { name, namespace } }: Manifest) {
  return { name, ...(namespace === undefined ? {} : { namespace }) }
}

function statusOf(error: unknown): number | undefined {
  return typeof error === 'object' && error !== null && 'code' in error && typeof error.code === 'number' ? error.code : undefined
}

function failed(attempted: string, manifest: Manifest, error: unknown): FleetError {
  const body = typeof error === 'object' && error !== null && 'body' in error ? String(error.body) : ''
  const said = /"message":"((?:[^"\\]|\\.)*)"/.exec(body)?.[1] ?? messageOf(error)
  const code = statusOf(error) === 403 || statusOf(error) === 401 ? 'forbidden' : 'internal'
  return new FleetError(code, `${attempted} ${formatRef(refOf(manifest))} in the cluster: ${said}`, { cause: error })
}
