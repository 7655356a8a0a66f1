import type { Desired, Release, Removed, SessionResponse, SourceStatus, TenantAccess } from '../gen/fleet/v1/agent.ts'
import { Removed_Fact } from '../gen/fleet/v1/agent.ts'
import type { Problem as WireProblem, ObjectRef as WireRef } from '../gen/fleet/v1/types.ts'
import type { Fact, FactProblem, RemovedFact } from '../model/facts.ts'
import type { ObjectRef } from '../model/object-ref.ts'
import { clusterFromWire, clusterToWire, placedFromWire, placedToWire } from './placed.ts'

type Message = NonNullable<SessionResponse['message']>

/** The session message that carries a fact. */
export function factToWire(fact: Fact): Message {
  switch (fact.kind) {
    case 'desired':
      return {
        $case: 'desired',
        value: {
          object: fact.object,
          source: fact.source,
          optionsDigest: fact.optionsDigest,
          position: fact.position,
          content:
            'bundle' in fact.content ? { $case: 'bundle', value: fact.content.bundle } : { $case: 'problem', value: fact.content.problem },
        },
      }
    case 'release':
      return {
        $case: 'release',
        value: { source: fact.source, revision: fact.revision, setDigest: fact.setDigest, position: fact.position },
      }
    case 'source-status':
      return { $case: 'sourceStatus', value: sourceStatusToWire(fact) }
    case 'tenant': {
      const { kind: _kind, namespaces, ...rest } = fact
      return { $case: 'tenant', value: { ...rest, namespaces: [...namespaces] } }
    }
    case 'placed':
      return { $case: 'placed', value: placedToWire(fact) }
    case 'cluster':
      return { $case: 'clusterInfo', value: clusterToWire(fact) }
    case 'removed':
      return { $case: 'removed', value: { fact: REMOVED[fact.fact], object: fact.object, position: fact.position } }
    default:
      return fact satisfies never
  }
}

/** The fact in a session message; undefined for messages of other kinds, a sentence where it is malformed. */
export function factFromWire(message: Message): Fact | { readonly problem: string } | undefined {
  switch (message.$case) {
    case 'desired':
      return desiredFromWire(message.value)
    case 'release':
      return releaseFromWire(message.value)
    case 'sourceStatus':
      return sourceStatusFromWire(message.value)
    case 'tenant':
      return tenantFromWire(message.value)
    case 'placed':
      return placedFromWire(message.value, refFromWire(message.value.object))
    case 'clusterInfo':
      return clusterFromWire(message.value)
    case 'removed':
      return removedFromWire(message.value)
    default:
      return undefined
  }
}

/** The reference of a message, or undefined where it names no object. */
export function refFromWire(ref: WireRef | undefined): ObjectRef | undefined {
  return ref && ref.kind !== '' && ref.name !== ''
    ? { group: ref.group, kind: ref.kind, namespace: ref.namespace, name: ref.name }
    : undefined
}

const REMOVED: Record<RemovedFact['fact'], Removed_Fact> = {
  desired: Removed_Fact.DESIRED,
  release: Removed_Fact.RELEASE,
  'source-status': Removed_Fact.SOURCE_STATUS,
  placed: Removed_Fact.PLACED,
}

function desiredFromWire(message: Desired): Fact | { readonly problem: string } {
  const object = refFromWire(message.object)
  const source = refFromWire(message.source)
  if (!object || !source || !message.content) return { problem: 'Desired without object, source or content' }
  const content =
    message.content.$case === 'bundle' ? { bundle: message.content.value } : { problem: problemFromWire(message.content.value) }
  return { kind: 'desired', object, source, optionsDigest: message.optionsDigest, content, position: message.position }
}

function releaseFromWire(message: Release): Fact | { readonly problem: string } {
  const source = refFromWire(message.source)
  if (!source || message.revision === '') return { problem: 'Release without source or revision' }
  return { kind: 'release', source, revision: message.revision, setDigest: message.setDigest, position: message.position }
}

function sourceStatusToWire(fact: Extract<Fact, { kind: 'source-status' }>): SourceStatus {
  return {
    source: fact.source,
    generation: BigInt(fact.generation),
    revision: fact.revision,
    artifactDigest: fact.artifactDigest,
    artifactBytes: BigInt(fact.artifactBytes),
    artifactAt: BigInt(fact.artifactAt.getTime()),
    problem: fact.problem,
    handledAt: fact.handledAt,
    position: fact.position,
    metadata: fact.metadata ?? {},
  }
}

function sourceStatusFromWire(message: SourceStatus): Fact | { readonly problem: string } {
  const source = refFromWire(message.source)
  if (!source) return { problem: 'SourceStatus without source' }
  return {
    kind: 'source-status',
    source,
    generation: Number(message.generation),
    revision: message.revision,
    artifactDigest: message.artifactDigest,
    artifactBytes: Number(message.artifactBytes),
    artifactAt: new Date(Number(message.artifactAt)),
    ...(Object.keys(message.metadata).length > 0 ? { metadata: message.metadata } : {}),
    problem: message.problem && problemFromWire(message.problem),
    handledAt: message.handledAt,
    position: message.position,
  }
}

function tenantFromWire(message: TenantAccess): Fact | { readonly problem: string } {
  if (message.tenant === '') return { problem: 'TenantAccess without tenant' }
  return {
    kind: 'tenant',
    tenant: message.tenant,
    namespaces: message.namespaces,
    clusterRole: message.clusterRole,
    serviceAccount: message.serviceAccount,
    removed: message.removed,
    position: message.position,
  }
}

function removedFromWire(message: Removed): Fact | { readonly problem: string } {
  const object = refFromWire(message.object)
  const fact = (Object.keys(REMOVED) as RemovedFact['fact'][]).find((name) => REMOVED[name] === message.fact)
  if (!object || !fact) return { problem: 'Removed without object or fact' }
  return { kind: 'removed', fact, object, position: message.position }
}

function problemFromWire(problem: WireProblem): FactProblem {
  return { reason: problem.reason || 'Failed', message: problem.message, stalled: problem.stalled }
}
