import type { Clock } from '../../../proto/base/clock.ts'
import { FleetError } from '../../../proto/base/errors.ts'
import type { Random } from '../../../proto/base/random.ts'
import type { Answer, Call } from '../../../proto/model/call.ts'
import { type ClusterId, parseClusterId } from '../../../proto/model/ids.ts'
import type { CallAnswer, CallCluster } from '../ports.ts'
import { failure } from '../present/status.ts'

/** How long a caller waits for a cluster's agent. */
const DEADLINE_MS = 20_000
/** For an answer that takes Helm. */
const DIFF_MS = 55_000

/** Has a cluster's agent carry out a write, under an id of its own: delivered twice, it acts once. */
export function createCallCluster(deps: {
  readonly call: (cluster: ClusterId, call: Call) => Promise<Answer>
  readonly nameOf: (cluster: ClusterId) => Promise<string | undefined>
  readonly clock: Clock
  readonly random: Random
}): CallCluster {
  return async (clusterId, { body, ...call }) => {
    const id = parseClusterId(clusterId)
    if (!id) throw new FleetError('not-found', 'the cluster is not known')
    const deadline = new Date(deps.clock.now().getTime() + (call.verb === 'diff' ? DIFF_MS : DEADLINE_MS))
    const bytes = Buffer.from(JSON.stringify(body ?? {}))
    const answer = await deps
      .call(id, { ...call, id: deps.random.hex(12), body: bytes, deadline, labelSelector: '' })
      .catch(async (error: unknown) => {
        throw named(error, id, await deps.nameOf(id))
      })
    return answer.body.length === 0 ? { code: answer.code, body: {} } : answered(answer)
  }
}

/** An agent that does not know a call says so in plain words. */
function answered({ body, code }: Answer): CallAnswer {
  const text = Buffer.from(body).toString('utf8')
  if (code !== 400 || text.startsWith('{')) return { code, body: JSON.parse(text) }
  return { code: 501, body: failure(501, 'NotImplemented', "the cluster's agent does not know how to do this; update it") }
}

/** People know clusters by name. */
function named(error: unknown, id: ClusterId, name: string | undefined): unknown {
  return error instanceof FleetError && name
    ? new FleetError(error.code, error.message.replaceAll(id, name), { cause: error.cause })
    : error
}
