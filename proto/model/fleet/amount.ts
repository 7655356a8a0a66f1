import { z } from 'zod'

/** So many, or a share of all in whole percent: `3`, `25%`. */
export type Amount = number | string

const SHARE = /^(100|[1-9]?[0-9])%$/

/** Schema of an amount; `least` is the smallest that makes sense, as a number or in percent. */
export const amount = (least: 0 | 1) =>
  z
    .union([z.int(), z.string()], { error: wrong(least) })
    .refine((value) => isAmount(value, least), { error: wrong(least) })
    .meta({ 'x-kubernetes-int-or-string': true })

function wrong(least: number): string {
  return `must be a whole number of at least ${least}, or a share from ${least}% to 100%`
}

function isAmount(value: Amount, least: number): boolean {
  if (typeof value === 'number') return Number.isSafeInteger(value) && value >= least
  return SHARE.test(value) && Number.parseInt(value, 10) >= least
}

/** The number that an amount comes to out of `of`; a share is rounded down. */
export function countOf(amount: Amount, of: number): number {
  return typeof amount === 'number' ? amount : Math.floor((of * Number.parseInt(amount, 10)) / 100)
}
