import { readdirSync, readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { fluxCrds } from '../../proto/model/flux/crds.ts'
import { crdFile } from './crd-file.ts'

test('the committed CRDs are what the schemas give; `npm run gen` brings them up to date', () => {
  const dir = new URL('./crds/', import.meta.url)
  const committed = Object.fromEntries(readdirSync(dir).map((name) => [name, readFileSync(new URL(name, dir), 'utf8')]))
  expect(committed).toEqual(Object.fromEntries(fluxCrds().map((crd) => Object.values(crdFile(crd)))))
})

test('no Flux CRD is substituted in, and each says what every field is for', () => {
  for (const crd of fluxCrds()) {
    expect(crd.metadata.annotations).toEqual({ 'kustomize.toolkit.fluxcd.io/substitute': 'disabled' })
    expect(undescribed(crd, crd.metadata.name)).toEqual([])
  }
})

/** Paths of the properties without description, metadata apart. */
function undescribed(node: unknown, path: string): readonly string[] {
  if (typeof node !== 'object' || node === null) return []
  const own = Object.entries((node as { properties?: Record<string, { description?: string }> }).properties ?? {})
    .filter(([name, { description }]) => name !== 'metadata' && !description)
    .map(([name]) => `${path}.${name}`)
  return [...own, ...Object.entries(node).flatMap(([name, inner]) => undescribed(inner, `${path}.${name}`))]
}
