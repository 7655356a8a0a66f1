import { spawn } from 'node:child_process'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { delimiter, dirname } from 'node:path'
import { Transform } from 'node:stream'
import { pipeline } from 'node:stream/promises'

/** Headers of a CGI answer are a few lines; more is a fault. */
const MAX_HEADER_BYTES = 64 * 1024

/**
 * Answers one request by `git http-backend`, streaming both ways. Pushing is allowed.
 * @param path  path of the request below the folder, as `/NAME.git/info/refs`
 */
export async function answerByGit(request: IncomingMessage, response: ServerResponse, { dir, path, query }: GitRequest): Promise<void> {
  const closed = new AbortController()
  response.once('close', () => closed.abort())
  const child = spawn('git', ['-c', 'http.receivepack=true', '-c', 'safe.directory=*', 'http-backend'], {
    env: environment(request, { dir, path, query }),
    stdio: ['pipe', 'pipe', 'ignore'],
    signal: closed.signal,
  })
  const failed = new Promise<never>((_, reject) => child.once('error', reject))
  // git may answer before it has read all of a body that it refuses; the answer is what counts then.
  child.stdin.on('error', () => request.unpipe().resume())
  request.pipe(child.stdin)
  await Promise.race([failed, pipeline(child.stdout, withoutHead(response), response)])
}

export interface GitRequest {
  readonly dir: string
  readonly path: string
  readonly query: string
}

/** Takes the head off a CGI answer and passes the rest on. */
function withoutHead(response: ServerResponse): Transform {
  let head: Buffer | undefined = Buffer.alloc(0)
  return new Transform({
    transform(chunk: Buffer, _encoding, done) {
      if (head === undefined) return done(null, chunk)
      head = Buffer.concat([head, chunk])
      const end = head.indexOf('\r\n\r\n')
      if (end < 0) return done(head.length > MAX_HEADER_BYTES ? new Error('git http-backend answered with endless headers') : null)
      writeHead(response, head.subarray(0, end).toString('latin1'))
      const body = head.subarray(end + 4)
      head = undefined
      done(null, body)
    },
    flush: (done) => done(head === undefined ? null : new Error('git http-backend ended without an answer')),
  })
}

function writeHead(response: ServerResponse, head: string): void {
  let status = 200
  for (const line of head.split('\r\n')) {
    const [name = '', value = ''] = line.split(/:\s*(.*)/s, 2)
    if (name.toLowerCase() === 'status') status = Number.parseInt(value, 10)
    else response.setHeader(name, value)
  }
  response.writeHead(status)
}

function environment({ headers, method }: IncomingMessage, { dir, path, query }: GitRequest): Record<string, string> {
  const optional = {
    CONTENT_TYPE: headers['content-type'],
    CONTENT_LENGTH: headers['content-length'],
    HTTP_CONTENT_ENCODING: headers['content-encoding'],
    GIT_PROTOCOL: [headers['git-protocol']].flat()[0],
  }
  return {
    PATH: [process.env.PATH ?? '', dirname(process.execPath)].join(delimiter),
    HOME: dir,
    GIT_CONFIG_NOSYSTEM: '1',
    GIT_PROJECT_ROOT: dir,
    GIT_HTTP_EXPORT_ALL: '1',
    REQUEST_METHOD: method ?? 'GET',
    PATH_INFO: path,
    QUERY_STRING: query,
    ...Object.fromEntries(Object.entries(optional).flatMap(([name, value]) => (value === undefined ? [] : [[name, value]]))),
  }
}
