import { compare, parse } from 'semver'
import { parseRange } from '../version-range.ts'

type Picked<One> = { readonly one: One } | { readonly problem: string; readonly stalled: boolean }

interface Dated {
  readonly version: string
  readonly createdAt: number
}

/**
 * The version that a HelmChart asks for: the one of exactly that name, otherwise the newest in the range; of equal
 * versions the one made last. Without a range the newest that is no pre-release. Source: Flux, source-controller.
 */
export function pickChart<One extends Dated>(chart: string, wanted: string, listed: readonly One[]): Picked<One> {
  const exact = wanted === '' ? undefined : listed.find(({ version }) => version === wanted)
  if (exact) return { one: exact }
  const range = parseRange(wanted === '' ? '*' : wanted)
  if (!range) return { problem: `improper constraint: ${wanted}`, stalled: true }
  const [best] = listed
    .flatMap((one) => {
      const version = looseVersion(one.version)
      return version !== undefined && range(version) ? [{ one, version }] : []
    })
    .sort((a, b) => compare(b.version, a.version) || b.one.createdAt - a.one.createdAt)
  if (best) return { one: best.one }
  return { problem: `no '${chart}' chart with version matching '${wanted}' found`, stalled: false }
}

/** A version as charts write it: a `v` in front, and parts that are left out, are let pass. */
export function looseVersion(text: string): string | undefined {
  const [, core = '', rest = ''] = /^v?(\d+(?:\.\d+){0,2})((?:[-+].*)?)$/.exec(text) ?? []
  if (core === '') return undefined
  const full = [...core.split('.'), '0', '0'].slice(0, 3).join('.') + rest
  return parse(full) ? full : undefined
}
