import { createReadStream } from 'node:fs'
import { mkdir } from 'node:fs/promises'
import { LAYER_DIGEST } from '../../../../proto/model/names.ts'
import type { Commit } from '../../model.ts'
import { loginFor, type RegistryLogin } from '../../oci/docker-config.ts'
import { DIGEST, type OciManifest, pickLayer } from '../../oci/manifest.ts'
import { pickTag } from '../../oci/pick-tag.ts'
import { type OciRepository, parseRepository } from '../../oci/reference.ts'
import type { Fetcher, FetchOutcome, NewRevision, RequestOf } from '../../ports.ts'
import type { TreeFile } from '../../tree-file.ts'
import type { ArchiveBudget } from '../archive/read.ts'
import { openArchiveTree } from '../archive/tree.ts'
import { FetchFailure } from '../failure.ts'
import { openHttpClient } from '../http/client.ts'
import { spool } from '../http/spool.ts'
import type { OpenCredential } from '../open-credential.ts'
import { outcomeOf } from '../outcome.ts'
import { openRegistry, type Registry } from './registry.ts'
import { verifySignature } from './verify.ts'

export interface OciFetcherOptions {
  /** Folder for layers while they are read; may be emptied when nothing runs. */
  readonly folder: string
  readonly budget?: OciBudget
}

export interface OciBudget extends ArchiveBudget {
  /** Bytes of a layer as it is sent. */
  readonly maxLayerBytes: number
}

const DEFAULT_BUDGET: OciBudget = { maxLayerBytes: 256 << 20, maxFiles: 50_000, maxFileBytes: 32 << 20, maxTreeBytes: 512 << 20 }

type OciRequest = RequestOf<'OCIRepository'>

interface Job {
  readonly request: OciRequest
  readonly registry: Registry
  /** Public keys of those who may sign. */
  readonly signers: readonly string[]
  readonly scope: AsyncDisposableStack
  /** Ends the talk with the registry. */
  readonly signal: AbortSignal
  /** Ends everything, also what is done with what was fetched: that is not the server's time. */
  readonly stop: AbortSignal
}

/** Fetches artifacts of registries. What is downloaded lies in a file until it is stored. */
export function createOciFetcher({ budget = DEFAULT_BUDGET, folder }: OciFetcherOptions): Fetcher<'OCIRepository'> {
  return {
    async fetch(request, use, { signal }) {
      await using scope = new AsyncDisposableStack()
      const outcome = await outcomeOf(request, signal, async (credential, within) => {
        const registry = openedRegistry(request, { credential, scope, signal: within })
        return look({ request, registry, signers: credential.signers ?? [], scope, signal: within, stop: signal }, { budget, folder })
      })
      return await use(outcome)
    },
  }
}

/** The repository that a request is for, with what may be shown to its registry. */
export function openedRegistry(
  {
    options,
    policy,
    timeoutMs,
    url,
  }: Pick<OciRequest, 'policy' | 'timeoutMs' | 'url'> & { readonly options: { readonly insecure?: true | undefined } },
  {
    credential,
    scope,
    signal,
  }: { readonly credential: OpenCredential; readonly scope: AsyncDisposableStack; readonly signal: AbortSignal },
): Registry {
  const at = parseRepository(url, { insecure: options.insecure === true })
  if (!at) throw new FetchFailure('url', `URL validation failed for '${url}': it is not the address of a repository in a registry`)
  const { ca, client: certificate, proxy } = credential
  const client = scope.use(openHttpClient({ policy, timeoutMs, ca, client: certificate, proxy }, signal))
  return openRegistry(client, at, loginOf(credential, at))
}

async function look(job: Job, { budget, folder }: Required<OciFetcherOptions>): Promise<FetchOutcome> {
  const { registry, request, scope, signal, stop } = job
  const { options } = request
  const { digest, revision } = await resolve(job)
  if (revision === request.known) return { kind: 'unchanged' }
  if (options.signed) await verifySignature(registry, { digest, signers: job.signers, what: `${request.url}@${digest}` })
  const manifest = await registry.manifest(digest)
  const layer = pickLayer(manifest.layers, options.mediaType)
  if ('problem' in layer) throw new FetchFailure('tree', layer.problem)
  const limit = options.copy ? budget.maxFileBytes : budget.maxLayerBytes
  if (layer.size > limit) throw new FetchFailure('budget', `the layer has ${layer.size} bytes, ${limit} are allowed`)
  await mkdir(folder, { recursive: true })
  const what = `${request.url}, layer ${layer.digest}`
  const content = scope.use(await spool(await registry.blob(layer), { folder, what, digest: layer.digest, signal }))
  const tree = options.copy
    ? copied(content.path, { digest, size: content.size, sha256: content.sha256 })
    : await openArchiveTree(content.path, { ignore: options.ignore, budget, signal: stop }).catch((error: unknown) => {
        throw extracting(error)
      })
  const metadata = { ...manifest.annotations, ...(options.copy ? { [LAYER_DIGEST]: content.sha256 } : {}) }
  return { kind: 'fetched', revision: { revision, commit: commitOf(digest, manifest), metadata, ...tree } }
}

async function resolve({ registry, request: { options, url } }: Job): Promise<{ readonly digest: string; readonly revision: string }> {
  const { ref } = options
  if (ref.digest) {
    if (!DIGEST.test(ref.digest))
      throw new FetchFailure('range', `failed to determine the artifact tag for '${url}': ref.digest is not a sha256 digest`)
    return { digest: ref.digest, revision: ref.digest }
  }
  const tag = ref.semver ? await newestTag(registry, url, ref) : ref.tag || 'latest'
  const digest = await registry.digestOf(tag)
  return { digest, revision: `${tag}@${digest}` }
}

async function newestTag(registry: Registry, url: string, ref: OciRequest['options']['ref']): Promise<string> {
  const picked = pickTag(ref, await registry.tags())
  if ('tag' in picked) return picked.tag
  const { message, stalled } = picked.problem
  throw new FetchFailure(stalled ? 'range' : 'ref', `failed to determine the artifact tag for '${url}': ${message}`)
}

/** The layer as it is: one file, under the name that Flux gives it. */
function copied(
  path: string,
  { digest, sha256, size }: { digest: string; sha256: string; size: number },
): Pick<NewRevision, 'files' | 'blobs'> {
  const files: readonly TreeFile[] = [{ path: `${digest}.tgz`, mode: '100644', size, sha256 }]
  return {
    files,
    async *blobs(digests) {
      if (!digests.includes(sha256)) return
      const chunks: Buffer[] = []
      for await (const chunk of createReadStream(path)) chunks.push(chunk as Buffer)
      yield [{ digest: sha256, bytes: Buffer.concat(chunks) }]
    },
  }
}

function commitOf(digest: string, { annotations }: OciManifest): Commit {
  const created = Date.parse(annotations['org.opencontainers.image.created'] ?? '')
  const at = Number.isNaN(created) ? 0 : Math.floor(created / 1000)
  const subject = annotations['org.opencontainers.image.revision'] ?? ''
  return { oid: digest, author: '', subject: subject.slice(0, 500), at }
}

function loginOf({ basic, docker }: OpenCredential, at: OciRepository): RegistryLogin | undefined {
  if (docker === undefined) return basic
  const login = loginFor(docker, at)
  if (login && 'problem' in login) throw new FetchFailure('unauthorized', login.problem)
  return login
}

function extracting(error: unknown): unknown {
  if (!(error instanceof FetchFailure)) return error
  return new FetchFailure(error.failure, `failed to extract layer contents from artifact: ${error.message}`, { cause: error })
}
