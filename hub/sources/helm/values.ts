import { normalize } from 'node:path/posix'
import { parse, stringify } from 'yaml'

type Values = Readonly<Record<string, unknown>>

export type Merged = { readonly text: string; readonly used: readonly string[] } | { readonly problem: string }

/**
 * Values files laid over each other in their order, later ones winning, maps merged; written as the chart's values.yaml.
 * @param read  content of a file by its path, normalised; undefined where there is none
 */
export function mergeValues(
  paths: readonly string[],
  read: (path: string) => string | undefined,
  { ignoreMissing }: { readonly ignoreMissing: boolean },
): Merged {
  let merged: Values = {}
  const used: string[] = []
  for (const path of paths) {
    const text = read(normalize(`/${path}`).slice(1))
    if (text === undefined) {
      if (ignoreMissing) continue
      return { problem: `failed to merge chart values: no values file found at path '${path}'` }
    }
    const values = valuesIn(text)
    if (!values) return { problem: `failed to merge chart values: unmarshaling values from '${path}' failed: it is no map in YAML` }
    merged = overlay(merged, values)
    used.push(path)
  }
  return { text: stringify(merged, { lineWidth: 0, sortMapEntries: true }), used }
}

function valuesIn(text: string): Values | undefined {
  try {
    const value: unknown = parse(text, { maxAliasCount: 100 }) ?? {}
    return isMap(value) ? value : undefined
  } catch {
    return undefined
  }
}

function overlay(below: Values, above: Values): Values {
  const merged: Record<string, unknown> = { ...below }
  for (const [key, value] of Object.entries(above)) {
    const old = Object.hasOwn(merged, key) ? merged[key] : undefined
    const next = isMap(value) && isMap(old) ? overlay(old, value) : value
    Object.defineProperty(merged, key, { value: next, enumerable: true, configurable: true, writable: true })
  }
  return merged
}

function isMap(value: unknown): value is Values {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
