import { promisify } from 'node:util'
import { gunzip, gzip } from 'node:zlib'
import { z } from 'zod'
import { FleetError } from '../../../proto/base/errors.ts'
import type { StoredRelease } from '../../../proto/helm/stored.ts'
import type { Manifest } from '../../../proto/model/manifest.ts'
import type { ImpersonatedKube } from '../../kube/model.ts'
import type { ReleaseRecord } from '../model.ts'

/** Helm's storage of one release: a Secret for each of its versions, in the form that Helm reads and writes. */
export interface HelmStorage {
  /** The versions of a release, newest first. */
  history(release: { readonly name: string; readonly storageNamespace: string }, signal: AbortSignal): Promise<readonly StoredRelease[]>
  /** Writes that a version failed; `conflict` when it was changed since it was read. */
  markFailed(stored: StoredRelease, options: { readonly description: string; readonly signal: AbortSignal }): Promise<void>
  /** Writes what has become of versions, one after the other; `conflict` when one was changed since it was read. */
  write(records: readonly ReleaseRecord[], signal: AbortSignal): Promise<void>
}

/** Persisted: do not change. */
const FIELD_MANAGER = 'helm-controller'
const TYPE = 'helm.sh/release.v1'
/** A Secret has at most a mebibyte; what it unpacks to is bounded, because its tenant wrote it. */
const MAX_PAYLOAD_BYTES = 32 << 20

const RELEASE = z.object({
  name: z.string(),
  namespace: z.string().default(''),
  version: z.number(),
  info: z.looseObject({
    status: z.enum([
      'unknown',
      'deployed',
      'uninstalled',
      'superseded',
      'failed',
      'uninstalling',
      'pending-install',
      'pending-upgrade',
      'pending-rollback',
    ]),
  }),
  chart: z.object({ metadata: z.looseObject({ name: z.string(), version: z.string() }) }),
  config: z.record(z.string(), z.unknown()).nullish(),
  manifest: z.string().default(''),
  hooks: z.array(z.looseObject({ name: z.string(), kind: z.string() })).nullish(),
  apply_method: z.enum(['ssa', 'csa', '']).default(''),
})

/** The storage as one ServiceAccount sees it. */
export function openHelmStorage(kube: ImpersonatedKube): HelmStorage {
  return {
    async history({ name, storageNamespace }, signal) {
      const of = { apiVersion: 'v1', kind: 'Secret', namespace: storageNamespace, labelSelector: `owner=helm,name=${name}` }
      const found: StoredRelease[] = []
      for await (const page of kube.list(of, { signal }))
        for (const secret of page.items) if (secret.type === TYPE) found.push(await readRelease(secret))
      return found.sort((a, b) => b.version - a.version)
    },
    markFailed: (stored, { description, signal }) => write(kube, { stored, status: 'failed', description }, signal),
    async write(records, signal) {
      for (const record of records) await write(kube, record, signal)
    },
  }
}

async function write(
  kube: ImpersonatedKube,
  { stored: { secret }, status, description }: ReleaseRecord,
  signal: AbortSignal,
): Promise<void> {
  const at = { apiVersion: 'v1', kind: 'Secret', namespace: secret.namespace, name: secret.name }
  const live = await kube.get(at, { signal })
  if (!live) throw new FleetError('not-found', `mark release Secret ${secret.namespace}/${secret.name} as ${status}: it is gone`)
  const payload = (await unpack(live)) as { info: Record<string, unknown> }
  const info = { ...payload.info, status, ...(description === undefined ? {} : { description }) }
  // As Helm has them on what it changed.
  const labels = { status, createdAt: null, modifiedAt: String(Math.floor(Date.now() / 1000)) }
  const body = {
    metadata: { resourceVersion: secret.resourceVersion, labels },
    data: { release: await pack({ ...payload, info }) },
  }
  await kube.patch(at, { type: 'merge', body, fieldManager: FIELD_MANAGER, signal })
}

async function readRelease(secret: Manifest): Promise<StoredRelease> {
  const parsed = RELEASE.safeParse(await unpack(secret))
  if (!parsed.success) throw notARelease(secret, z.prettifyError(parsed.error))
  const { chart, config, hooks, apply_method, ...release } = parsed.data
  const { name, namespace = '', resourceVersion = '' } = secret.metadata
  return {
    ...(release as Pick<StoredRelease, 'name' | 'namespace' | 'version' | 'info' | 'manifest'>),
    chart: chart.metadata as StoredRelease['chart'],
    config: config ?? {},
    hooks: (hooks ?? []) as StoredRelease['hooks'],
    applyMethod: apply_method,
    secret: { namespace, name, resourceVersion },
  }
}

async function unpack(secret: Manifest): Promise<unknown> {
  const { release } = (secret.data ?? {}) as { release?: string }
  try {
    const packed = Buffer.from(Buffer.from(release ?? '', 'base64').toString('latin1'), 'base64')
    const text = await promisify(gunzip)(packed, { maxOutputLength: MAX_PAYLOAD_BYTES })
    return JSON.parse(text.toString('utf8'))
  } catch (error) {
    throw notARelease(secret, error instanceof RangeError ? `it unpacks to more than ${MAX_PAYLOAD_BYTES} bytes` : 'it cannot be unpacked')
  }
}

async function pack(payload: unknown): Promise<string> {
  const packed = await promisify(gzip)(JSON.stringify(payload), { level: 9 })
  return Buffer.from(packed.toString('base64')).toString('base64')
}

function notARelease({ metadata }: Manifest, why: string): FleetError {
  return new FleetError('invalid', `read release Secret ${metadata.namespace}/${metadata.name}: ${why}`)
}
