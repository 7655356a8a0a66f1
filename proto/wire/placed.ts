import { type ClusterInfo, type Placed, Placed_Leaving } from '../gen/fleet/v1/agent.ts'
import { PlacedState_State, type PlacedState as WireState } from '../gen/fleet/v1/report.ts'
import type { ObjectRef as WireRef } from '../gen/fleet/v1/types.ts'
import type { ClusterFact, Fact, PlacedFact } from '../model/facts.ts'
import { isManifest, refOf } from '../model/manifest.ts'
import { type ObjectRef, sameRef } from '../model/object-ref.ts'
import type { PlacedReport, PlacedState } from '../model/report.ts'

/** Longest message of an agent on one placed object, in characters. */
const MAX_MESSAGE = 1_000

export function placedToWire({ content, object, placement, position }: PlacedFact): Placed {
  const there = 'manifest' in content
  return {
    object,
    placement,
    manifest: Buffer.from(there ? JSON.stringify(content.manifest) : ''),
    leaving: there ? Placed_Leaving.UNSPECIFIED : content.leaving === 'delete' ? Placed_Leaving.DELETE : Placed_Leaving.ORPHAN,
    position,
  }
}

/** @param object  the reference in the message, read */
export function placedFromWire(message: Placed, object: ObjectRef | undefined): Fact | { readonly problem: string } {
  const { leaving, placement, position } = message
  if (!object || placement === '') return { problem: 'Placed without object or placement' }
  if (leaving !== Placed_Leaving.UNSPECIFIED) {
    const how = leaving === Placed_Leaving.DELETE ? 'delete' : 'orphan'
    return { kind: 'placed', object, placement, content: { leaving: how }, position }
  }
  const manifest = jsonIn(message.manifest)
  if (!isManifest(manifest) || !sameRef(refOf(manifest), object)) return { problem: 'Placed with a manifest of something else' }
  return { kind: 'placed', object, placement, content: { manifest }, position }
}

export function clusterToWire({ labels, name, position, variables }: ClusterFact): ClusterInfo {
  return { name, labels: { ...labels }, variables: { ...variables }, position }
}

export function clusterFromWire({ labels, name, position, variables }: ClusterInfo): Fact | { readonly problem: string } {
  if (name === '') return { problem: 'ClusterInfo without name' }
  return { kind: 'cluster', name, labels, variables, position }
}

const STATES: Record<PlacedState, PlacedState_State> = {
  placed: PlacedState_State.PLACED,
  refused: PlacedState_State.REFUSED,
  removing: PlacedState_State.REMOVING,
  gone: PlacedState_State.GONE,
}

export function placedStateToWire({ message, object, position, state }: PlacedReport): WireState {
  return { object, position, state: STATES[state], message: message.slice(0, MAX_MESSAGE) }
}

/** @throws where the state is none that is known */
export function placedStateFromWire(message: WireState, ref: (wire: WireRef | undefined) => ObjectRef): PlacedReport {
  const state = (Object.keys(STATES) as PlacedState[]).find((name) => STATES[name] === message.state)
  if (!state) throw new Error('the state of a placed object is unknown')
  return { object: ref(message.object), position: message.position, state, message: message.message.slice(0, MAX_MESSAGE) }
}

function jsonIn(bytes: Uint8Array): unknown {
  try {
    return JSON.parse(Buffer.from(bytes).toString('utf8'))
  } catch {
    return undefined
  }
}
