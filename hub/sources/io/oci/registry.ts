import { z } from 'zod'
import { sha256 } from '../../../../proto/base/hash.ts'
import { type Challenge, parseChallenge, tokenUrl } from '../../oci/challenge.ts'
import type { RegistryLogin } from '../../oci/docker-config.ts'
import { type Descriptor, MANIFEST_TYPES, type OciManifest, parseManifest } from '../../oci/manifest.ts'
import type { OciRepository } from '../../oci/reference.ts'
import { FetchFailure } from '../failure.ts'
import { collect, within } from '../http/body.ts'
import { type Answer, type Asked, type HttpClient, statusFailure } from '../http/client.ts'

/** One repository of a registry, for the length of one fetch. */
export interface Registry {
  /** Every tag. */
  tags(): Promise<readonly string[]>
  /** The digest that a tag stands for now. */
  digestOf(tag: string): Promise<string>
  /** The artifact of a digest; of one that names several, the one for linux/amd64. */
  manifest(digest: string): Promise<OciManifest>
  /** The content of a layer, as far as it is as long as was announced; its digest is for the caller to compare. */
  blob(layer: Descriptor): Promise<AsyncIterable<Uint8Array>>
}

const MAX_MANIFEST_BYTES = 4 << 20
const MAX_TAGS_BYTES = 16 << 20
const MAX_TOKEN_BYTES = 1 << 20
const MAX_PAGES = 1000
const ACCEPT = MANIFEST_TYPES.join(', ')

const tagPage = z.object({ tags: z.array(z.string()).nullish() })
const tokenAnswer = z.object({ token: z.string().optional(), access_token: z.string().optional() })

export function openRegistry(client: HttpClient, at: OciRepository, login: RegistryLogin | undefined): Registry {
  const base = `${at.origin}/v2/${at.repository}`
  const what = `${at.registry}/${at.repository}`
  const ask = authorized({ client, at, login })
  const get = async (url: string, asked: Asked = {}, shown = what): Promise<Answer> => {
    const answer = await ask(url, asked)
    if (answer.status === 200) return answer
    await answer.dump()
    throw statusFailure(shown, answer)
  }
  const read = async (digest: string) => {
    const answer = await get(`${base}/manifests/${digest}`, { headers: { accept: ACCEPT } }, `${what}@${digest}`)
    const bytes = await collect(answer.body, MAX_MANIFEST_BYTES, `the manifest of ${what}`)
    if (sha256(bytes) !== digest) throw new FetchFailure('protocol', `${what}@${digest}: the manifest that was sent has another digest`)
    return parseManifest(bytes.toString())
  }
  return {
    async tags() {
      const tags: string[] = []
      let bytes = 0
      let next: string | undefined = `${base}/tags/list?n=1000`
      for (let page = 0; next !== undefined; page++) {
        const answer: Answer = await get(next)
        const body = await collect(answer.body, MAX_TAGS_BYTES - bytes, `the list of tags of ${what}`)
        bytes += body.length
        tags.push(...(parsed(tagPage, body, what).tags ?? []))
        next = page < MAX_PAGES ? nextPage(answer, at.origin) : undefined
      }
      return tags
    },
    async digestOf(tag) {
      const url = `${base}/manifests/${encodeURIComponent(tag)}`
      const headers = { accept: ACCEPT }
      const head = await ask(url, { method: 'HEAD', headers })
      await head.dump()
      const digest = head.status === 200 ? head.headers['docker-content-digest'] : undefined
      if (digest?.startsWith('sha256:')) return digest
      const { body } = await get(url, { headers }, `${what}:${tag}`)
      return sha256(await collect(body, MAX_MANIFEST_BYTES, `the manifest of ${what}:${tag}`))
    },
    async manifest(digest) {
      const first = await read(digest)
      const found = first?.kind === 'index' ? await read(first.digest) : first
      if (found?.kind !== 'manifest') throw new FetchFailure('tree', `${what}@${digest}: failed to parse artifact manifest`)
      return found.manifest
    },
    async blob({ digest, size }) {
      const { body } = await get(`${base}/blobs/${digest}`, {}, `${what}, layer ${digest}`)
      return within(body, size, `${what}, layer ${digest}`)
    },
  }
}

interface Access {
  readonly client: HttpClient
  readonly at: OciRepository
  readonly login: RegistryLogin | undefined
}

/** Asks with what the registry wants to be shown, which it says in its first refusal; nothing of it goes to another origin. */
function authorized({ at, client, login }: Access): HttpClient['ask'] {
  let shown: string | undefined
  const authorize = (to: URL) => (to.origin === at.origin ? shown : undefined)
  return async (url, asked) => {
    const first = await client.ask(url, { ...asked, authorize })
    if (first.status !== 401 || shown !== undefined || new URL(first.url).origin !== at.origin) return first
    const challenge = parseChallenge(first.headers['www-authenticate'] ?? '')
    const next = challenge && (await answerTo(challenge, { at, client, login }))
    if (next === undefined) return first
    await first.dump()
    shown = next
    return client.ask(url, { ...asked, authorize })
  }
}

async function answerTo(challenge: Challenge, { at, client, login }: Access): Promise<string | undefined> {
  const basic = login && `Basic ${Buffer.from(`${login.username}:${login.password}`).toString('base64')}`
  if (challenge.kind === 'basic') return basic
  const url = tokenUrl(challenge, at.repository, at.origin)
  if (!url)
    throw new FetchFailure(
      'unauthorized',
      `${at.registry}: the registry wants a token from ${JSON.stringify(challenge.realm)}, which is not asked`,
    )
  // The realm that the registry names is shown the credential, and nobody that it redirects to.
  const answer = await client.ask(url.href, { authorize: (to) => (to.origin === url.origin ? basic : undefined) })
  if (answer.status !== 200) {
    await answer.dump()
    throw statusFailure(`${at.registry}, token for ${at.repository}`, answer)
  }
  const token = parsed(tokenAnswer, await collect(answer.body, MAX_TOKEN_BYTES, 'the token'), `${url.host}, token`)
  const bearer = token.token ?? token.access_token
  return bearer === undefined ? undefined : `Bearer ${bearer}`
}

function nextPage({ headers, url }: Answer, origin: string): string | undefined {
  const [, link] = /<([^>]+)>\s*;\s*rel="?next"?/.exec(headers.link ?? '') ?? []
  const next = link === undefined ? undefined : new URL(link, url)
  return next?.origin === origin ? next.href : undefined
}

function parsed<Schema extends z.ZodType>(schema: Schema, bytes: Buffer, what: string): z.infer<Schema> {
  try {
    return schema.parse(JSON.parse(bytes.toString()))
  } catch (error) {
    throw new FetchFailure('protocol', `${what}: the answer is not what a registry answers`, { cause: error })
  }
}
