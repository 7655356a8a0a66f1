import { messageOf } from '../base/errors.ts'
import { Call_Verb, type Answer as WireAnswer, Call as WireCall } from '../gen/fleet/v1/agent.ts'
import type { Answer, Call, CallVerb } from '../model/call.ts'
import { CALL_VERBS } from '../model/call.ts'
import { refFromWire } from './facts.ts'

const VERBS: Record<CallVerb, Call_Verb> = {
  create: Call_Verb.CREATE,
  update: Call_Verb.UPDATE,
  'patch-merge': Call_Verb.PATCH_MERGE,
  'patch-json': Call_Verb.PATCH_JSON,
  delete: Call_Verb.DELETE,
  get: Call_Verb.GET,
  list: Call_Verb.LIST,
  diff: Call_Verb.DIFF,
}

export function callToWire(call: Call): WireCall {
  return { ...call, verb: VERBS[call.verb], body: Buffer.from(call.body), deadline: BigInt(call.deadline.getTime()) }
}

/** The call in a message, or why it cannot be carried out. */
export function callFromWire(message: WireCall): Call | { readonly problem: string } {
  const verb = CALL_VERBS.find((name) => VERBS[name] === message.verb)
  // A list names a kind and no object.
  const named = verb === 'list' ? { group: '', kind: '', namespace: '', name: '', ...message.object } : refFromWire(message.object)
  if (!verb || !named || named.kind === '' || message.id === '') return { problem: 'Call without id, object, or a verb that is known here' }
  const object = { group: named.group, kind: named.kind, namespace: named.namespace, name: named.name }
  return { ...message, verb, object, deadline: new Date(Number(message.deadline)) }
}

export function answerToWire(answer: Answer): WireAnswer {
  return { id: answer.id, code: answer.code, body: Buffer.from(answer.body) }
}

export function answerFromWire(message: WireAnswer): Answer {
  return { id: message.id, code: message.code, body: message.body }
}

/** A call as bytes, for its way between replicas. */
export function encodeCall(call: Call): Uint8Array {
  return WireCall.encode(callToWire(call)).finish()
}

export function decodeCall(bytes: Uint8Array): Call | { readonly problem: string } {
  try {
    return callFromWire(WireCall.decode(bytes))
  } catch (error) {
    return { problem: messageOf(error) }
  }
}
