import aws4 from 'aws4'
import { type ListedObject, parseListing, parseRefusal, type Refusal, unquoted } from '../../bucket/answers.ts'
import { FetchFailure } from '../failure.ts'
import { collect, within } from '../http/body.ts'
import { type Answer, type HttpClient, statusFailure } from '../http/client.ts'

/** Keys of an object storage, opened. */
export interface StorageKeys {
  readonly accessKey: string
  readonly secretKey: string
}

export interface StorageObject {
  /** Of what is sent; undefined where the server does not say. */
  readonly etag: string | undefined
  /** Fails by name beyond the limit, and where it ends before all of it was sent. */
  readonly body: AsyncIterable<Uint8Array>
}

/** One bucket of an S3 compatible object storage, for the length of one fetch. */
export interface Storage {
  /** Every object whose key begins with the prefix, a page at a time. */
  pages(prefix: string): AsyncIterable<readonly ListedObject[]>
  /** An object of no more than so many bytes; undefined where there is none. */
  object(key: string, maxBytes: number): Promise<StorageObject | undefined>
}

export interface StorageOptions {
  readonly client: HttpClient
  /** Address of the bucket, without a slash at its end. */
  readonly url: string
  /** Undefined: nobody is named, and the bucket has to be public. */
  readonly keys: StorageKeys | undefined
  readonly region: string
}

const MAX_LIST_BYTES = 64 << 20
const MAX_PAGE_BYTES = 4 << 20
const MAX_PAGES = 1000
const MAX_REFUSAL_BYTES = 64 << 10
const MAX_SAID = 200
/** Of a body that is empty, which is what every question here has. */
const EMPTY_SHA256 = 'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855'

export function openStorage({ client, keys, region: first, url }: StorageOptions): Storage {
  let region = first
  const once = (at: string) => client.ask(at, keys ? signed(url, keys, region) : {})
  const ask = async (at: string): Promise<Answer> => {
    const answer = await once(at)
    if (answer.status === 200) return answer
    const refusal = await refusalOf(answer)
    const elsewhere = answer.headers['x-amz-bucket-region'] ?? refusal.region
    // A bucket in another region says so; whoever signed for the wrong one asks again.
    if (!keys || elsewhere === '' || elsewhere === region) throw new Refused(at, answer, refusal)
    region = elsewhere
    const second = await once(at)
    if (second.status === 200) return second
    throw new Refused(at, second, await refusalOf(second))
  }
  return {
    async *pages(prefix) {
      let token: string | undefined = ''
      let bytes = 0
      for (let page = 0; token !== undefined; page++) {
        if (page === MAX_PAGES) throw new FetchFailure('budget', `${url}: the list of objects has more than ${MAX_PAGES} pages`)
        const answer = await ask(`${url}/?${listQuery(prefix, token)}`)
        const body = await collect(answer.body, MAX_PAGE_BYTES, `${url}: a page of the list of objects`)
        bytes += body.length
        if (bytes > MAX_LIST_BYTES) throw new FetchFailure('budget', `${url}: the list of objects has more than ${MAX_LIST_BYTES} bytes`)
        const found = parseListing(body.toString())
        if (!found) throw new FetchFailure('protocol', `${url}: the answer is not what an object storage answers`)
        yield found.objects
        token = found.next
      }
    },
    async object(key, maxBytes) {
      try {
        const { body, headers } = await ask(`${url}/${key.split('/').map(escaped).join('/')}`)
        const etag = headers.etag === undefined ? undefined : unquoted(headers.etag)
        return { etag, body: within(body, maxBytes, key) }
      } catch (error) {
        if (error instanceof Refused && error.failure === 'not-found' && error.code !== 'NoSuchBucket') return undefined
        throw error
      }
    },
  }
}

/** A refusal with what the server said of it. */
class Refused extends FetchFailure {
  readonly code: string

  constructor(at: string, answer: Answer, { code, message }: Refusal) {
    const { origin, pathname } = new URL(at)
    const plain = statusFailure(`${origin}${pathname}`, answer)
    const said = [code, message].filter((part) => part !== '').join(': ')
    super(plain.failure, said === '' ? plain.message : `${plain.message} (${said.replace(/\s+/g, ' ').slice(0, MAX_SAID)})`, {
      retryAfterMs: plain.retryAfterMs,
    })
    this.code = code
  }
}

async function refusalOf({ body }: Answer): Promise<Refusal> {
  try {
    return parseRefusal((await collect(body, MAX_REFUSAL_BYTES)).toString())
  } catch (error) {
    if (error instanceof FetchFailure && error.failure === 'budget') return parseRefusal('')
    throw error
  }
}

/** What is shown to the bucket's own host, and to nobody that it redirects to. */
function signed(bucket: string, { accessKey: accessKeyId, secretKey: secretAccessKey }: StorageKeys, region: string) {
  const headers = {
    'x-amz-content-sha256': EMPTY_SHA256,
    'x-amz-date': new Date().toISOString().replace(/[-:]|\.\d+/g, ''),
  }
  const { origin } = new URL(bucket)
  return {
    headers,
    authorize({ host, origin: to, pathname, search }: URL): string | undefined {
      if (to !== origin) return undefined
      const request = { service: 's3', region, method: 'GET', host, path: `${pathname}${search}`, headers: { ...headers } }
      return String(aws4.sign(request, { accessKeyId, secretAccessKey }).headers?.Authorization)
    },
  }
}

function listQuery(prefix: string, token: string): string {
  const query = [
    ...(token === '' ? [] : [['continuation-token', token]]),
    ['encoding-type', 'url'],
    ['list-type', '2'],
    ['max-keys', '1000'],
    ['prefix', prefix],
  ]
  return query.map(([name, value = '']) => `${name}=${escaped(value)}`).join('&')
}

/** As signatures want it: everything but letters, digits and `-._~`. */
function escaped(text: string): string {
  return encodeURIComponent(text).replace(/[!'()*]/g, (char) => `%${char.charCodeAt(0).toString(16).toUpperCase()}`)
}
