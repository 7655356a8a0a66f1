import { sha256 } from '../../proto/base/hash.ts'
import type { Version } from './model.ts'

const LINEAGE_SHIFT = 32n
const XID_SHIFT = 48n
const SEQ_MASK = 0xffff_ffffn
const LINEAGE_MASK = 0xffffn

/** The sixteen bits of a database's history that every resourceVersion carries. */
export function lineageBits(lineage: string): bigint {
  return BigInt(`0x${sha256(lineage).slice('sha256:'.length, 'sha256:'.length + 4)}`)
}

/** The version as clients see it, a decimal number: xid·2⁴⁸ + lineage·2³² + (seq mod 2³²). Persisted by clients: do not change. */
export function encodeVersion(version: Version, lineage: bigint): string {
  return String((version.xid << XID_SHIFT) | ((lineage & LINEAGE_MASK) << LINEAGE_SHIFT) | (version.seq & SEQ_MASK))
}

/** The parts of a resourceVersion, or undefined when it is none of ours. */
export function decodeVersion(text: string): { readonly version: Version; readonly lineage: bigint } | undefined {
  if (!/^[1-9][0-9]{0,38}$/.test(text)) return undefined
  const value = BigInt(text)
  if (value >> XID_SHIFT === 0n) return undefined
  return { version: { xid: value >> XID_SHIFT, seq: value & SEQ_MASK }, lineage: (value >> LINEAGE_SHIFT) & LINEAGE_MASK }
}

/** Everything that transactions below `xmin` wrote, and nothing of the rest. */
export function frontier(xmin: bigint): Version {
  return { xid: xmin - 1n, seq: SEQ_MASK }
}

/** Negative when `a` comes before `b`; ordinals are compared as clients see them. */
export function compareVersions(a: Version, b: Version): number {
  if (a.xid !== b.xid) return a.xid < b.xid ? -1 : 1
  const [left, right] = [a.seq & SEQ_MASK, b.seq & SEQ_MASK]
  return left === right ? 0 : left < right ? -1 : 1
}
