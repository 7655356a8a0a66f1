import { messageOf } from '../base/errors.ts'
import { type MirroredObject, Report as WireReport } from '../gen/fleet/v1/report.ts'
import type { ObjectRef as WireRef } from '../gen/fleet/v1/types.ts'
import { isManifest } from '../model/manifest.ts'
import type { ObjectRef } from '../model/object-ref.ts'
import type { MirroredReport, Report } from '../model/report.ts'
import { appliedFromWire, appliedToWire } from './applied.ts'
import { refFromWire } from './facts.ts'
import { placedStateFromWire, placedStateToWire } from './placed.ts'

/** Largest report that either side accepts, in bytes; below NATS' `max_payload`. */
export const MAX_REPORT_BYTES = 3 << 20

/** What an agent says of one tenant is no longer than this, in characters. */
const MAX_PROBLEM = 1_000

export function reportToWire(report: Report): Uint8Array {
  return WireReport.encode({
    boot: report.boot,
    sequence: report.sequence,
    objects: report.objects.map((object) => ({
      ref: object.ref,
      uid: object.uid,
      generation: BigInt(object.generation),
      resourceVersion: object.resourceVersion,
      manifest: Buffer.from(JSON.stringify(object.manifest)),
      sealedCredential: Buffer.from(object.sealedCredential ?? []),
      credentialProblem: object.credentialProblem,
    })),
    deletions: [...report.deletions],
    list: report.list && { ...report.list, listed: [...report.list.listed] },
    reached: report.reached.map((reached) => ({ ...reached, at: BigInt(reached.at.getTime()) })),
    stragglers: [...report.stragglers],
    events: report.events.map((event) => ({ ...event, at: BigInt(event.at.getTime()) })),
    placed: report.placed.map(placedStateToWire),
    applied: report.applied.map(appliedToWire),
    tenants: report.tenants.map((one) => ({ ...one, problem: one.problem?.slice(0, MAX_PROBLEM) ?? '' })),
  }).finish()
}

/** The report in a message's bytes, or a sentence on why it is refused. */
export function reportFromWire(bytes: Uint8Array): Report | { readonly problem: string } {
  if (bytes.length > MAX_REPORT_BYTES) return { problem: `report of ${bytes.length} bytes is over the limit of ${MAX_REPORT_BYTES}` }
  try {
    return read(WireReport.decode(bytes))
  } catch (error) {
    return { problem: `report cannot be read: ${messageOf(error)}` }
  }
}

function read(message: WireReport): Report {
  if (message.sequence === 0n) throw new Error('it has no sequence')
  return {
    boot: message.boot,
    sequence: message.sequence,
    objects: message.objects.map(readObject),
    deletions: message.deletions.map((one) => ({ ref: ref(one.ref), uid: one.uid, resourceVersion: one.resourceVersion })),
    list: message.list && {
      id: message.list.id,
      last: message.list.last,
      listed: message.list.listed.map((one) => ({ ref: ref(one.ref), uid: one.uid, resourceVersion: one.resourceVersion })),
    },
    reached: message.reached.map((one) => ({ ...one, source: ref(one.source), at: new Date(Number(one.at)) })),
    stragglers: message.stragglers.map((one) => ({ ...one, object: ref(one.object) })),
    events: message.events.map((one) => ({ ...one, object: ref(one.object), at: new Date(Number(one.at)) })),
    placed: message.placed.map((one) => placedStateFromWire(one, ref)),
    applied: message.applied.map((one) => appliedFromWire(one, ref)),
    tenants: message.tenants.map(({ tenant, position, problem }) => ({
      tenant,
      position,
      problem: problem === '' ? undefined : problem.slice(0, MAX_PROBLEM),
    })),
  }
}

function readObject(message: MirroredObject): MirroredReport {
  const manifest: unknown = JSON.parse(Buffer.from(message.manifest).toString('utf8'))
  const named = ref(message.ref)
  if (!isManifest(manifest) || manifest.kind !== named.kind || manifest.metadata.name !== named.name)
    throw new Error(`the manifest of ${named.kind}/${named.name} is not that object`)
  return {
    ref: named,
    uid: message.uid,
    generation: Number(message.generation),
    resourceVersion: message.resourceVersion,
    manifest,
    sealedCredential: message.sealedCredential.length > 0 ? message.sealedCredential : undefined,
    credentialProblem: message.credentialProblem,
  }
}

function ref(message: WireRef | undefined): ObjectRef {
  const found = refFromWire(message)
  if (!found) throw new Error('an object is not named')
  return found
}
