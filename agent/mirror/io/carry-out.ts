import type { Clock } from '../../../proto/base/clock.ts'
import { FleetError, messageOf } from '../../../proto/base/errors.ts'
import type { Log } from '../../../proto/base/log.ts'
import type { Answer, Call } from '../../../proto/model/call.ts'
import type { ServiceAccountRef } from '../../../proto/model/identities.ts'
import { isDnsLabel, isDnsSubdomain } from '../../../proto/model/ids.ts'
import { isManifest, type Manifest } from '../../../proto/model/manifest.ts'
import { formatRef } from '../../../proto/model/object-ref.ts'
import { statusOf } from '../../kube/classify.ts'
import { serviceAccount } from '../../kube/subject.ts'
import type { KubeTarget } from '../../kube/target.ts'
import { Transport } from '../../kube/transport.ts'
import { type CallRefusal, requestOf, withoutSecrets } from '../call.ts'

export interface CarryOutDeps {
  readonly target: KubeTarget
  /** Why nobody may act as this account through the hub; undefined where it may be. */
  readonly refuse: (account: ServiceAccountRef) => string | undefined
  /** Hears of Flux objects as the API server answered them, ahead of the watch. */
  readonly wrote: (manifest: Manifest) => void
  readonly clock: Clock
  readonly log: Log
}

/** Carries calls out that people make through the hub, each as the ServiceAccount it names, and once. */
export interface CallDesk extends AsyncDisposable {
  carryOut(call: Call): Promise<Answer>
}

const REMEMBERED = 1_000
const CALL_MS = 20_000
const MAX_BODY_BYTES = 3 << 20

export function openCallDesk(deps: CarryOutDeps): CallDesk {
  // People's requests have connections of their own, so that neither they nor the agent's work wait for each other.
  const transport = new Transport(deps.target, { clock: deps.clock, connections: 2 })
  const stop = new AbortController()
  const answers = new Map<string, Promise<Answer>>()
  return {
    carryOut(call) {
      const known = answers.get(call.id)
      if (known !== undefined) return known
      // Not under the session's signal: a call that was begun ends, and its answer is there when it is asked for again.
      const answer = act(deps, { call, transport, signal: stop.signal })
      answers.set(call.id, answer)
      for (const oldest of answers.keys()) {
        if (answers.size <= REMEMBERED) break
        answers.delete(oldest)
      }
      return answer
    },
    async [Symbol.asyncDispose]() {
      stop.abort(new FleetError('aborted', 'the agent stops'))
      await Promise.allSettled(answers.values())
      await transport[Symbol.asyncDispose]()
    },
  }
}

interface Act {
  readonly call: Call
  readonly transport: Transport
  readonly signal: AbortSignal
}

async function act(deps: CarryOutDeps, { call, transport, signal }: Act): Promise<Answer> {
  const account = accountOf(call.as)
  const refused = account ? deps.refuse(account) : `${JSON.stringify(call.as)} is not a ServiceAccount`
  if (!account || refused) return refusal(call, { code: 403, reason: 'Forbidden', message: `act in the cluster: ${refused}` })
  if (call.body.length > MAX_BODY_BYTES)
    return refusal(call, { code: 413, reason: 'RequestEntityTooLarge', message: 'the body is too large' })
  const request = requestOf(call)
  if ('code' in request) return refusal(call, request)
  const attempted = `${call.verb} ${formatRef(call.object)}`
  try {
    const { method, path, body, contentType } = request
    const sent = { verb: 'call', method, path, attempted, signal, timeoutMs: CALL_MS, as: serviceAccount(account.namespace, account.name) }
    const got = await transport.send({
      ...sent,
      ...(body === undefined ? {} : { body }),
      ...(contentType === undefined ? {} : { contentType }),
    })
    if (isManifest(got) && call.object.group !== '' && !call.dryRun && call.verb !== 'delete') deps.wrote(got)
    return answer(call, call.verb === 'create' ? 201 : 200, withoutSecrets(got))
  } catch (error) {
    return refusal(call, failed(error))
  }
}

function failed(error: unknown): CallRefusal {
  const status = statusOf(error)
  if (status) return status
  if (error instanceof FleetError && error.code === 'deadline-exceeded')
    return { code: 504, reason: 'Timeout', message: `${error.message}; the outcome is unknown` }
  return { code: 503, reason: 'ServiceUnavailable', message: messageOf(error) }
}

function refusal(call: Call, { code, reason, message }: CallRefusal): Answer {
  const status = { apiVersion: 'v1', kind: 'Status', metadata: {}, status: 'Failure', message, ...(reason ? { reason } : {}), code }
  return answer(call, code, status)
}

function answer(call: Call, code: number, body: unknown): Answer {
  return { id: call.id, code, body: Buffer.from(JSON.stringify(body)) }
}

function accountOf(text: string): ServiceAccountRef | undefined {
  const [namespace = '', name = '', ...rest] = text.split('/')
  return isDnsLabel(namespace) && isDnsSubdomain(name) && rest.length === 0 ? { namespace, name } : undefined
}
