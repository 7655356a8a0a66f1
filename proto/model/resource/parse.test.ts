import { expect, test } from 'vitest'
import { z } from 'zod'
import type { Manifest } from '../manifest.ts'
import { crd } from './crd.ts'
import { anyObject, withRules } from './fields.ts'
import type { ResourceKind } from './kind.ts'
import { parseResource } from './parse.ts'
import { structuralSchema } from './structural.ts'

const THING = {
  group: 'example.com',
  version: 'v1',
  kind: 'Thing',
  plural: 'things',
  shortNames: [],
  categories: [],
  namespaced: true,
  description: 'A thing.',
  columns: [],
  spec: withRules(
    z.object({
      size: z.int().min(1).default(3).describe('How big.'),
      name: z
        .string()
        .regex(/^[a-z]+:\/\/x/)
        .exactOptional()
        .describe('Its name.'),
      parts: z
        .array(z.object({ a: z.string().describe('A.') }))
        .exactOptional()
        .describe('Parts.'),
      values: anyObject().exactOptional().describe('Anything.'),
    }),
    [
      {
        rule: '!has(self.name) || self.size > 1',
        message: 'named things are bigger than 1',
        holds: ({ name, size }) => name === undefined || size > 1,
      },
    ],
  ),
} as const satisfies ResourceKind

const thing = (spec: unknown, more: object = {}): Manifest => ({
  apiVersion: 'example.com/v1',
  kind: 'Thing',
  metadata: { name: 'it' },
  spec,
  ...more,
})

test('defaults are filled in, nulls dropped, unknown members too, and free JSON is kept as it is', () => {
  const parsed = parseResource(THING, thing({ name: null, odd: 1, values: { a: null } }), { strict: false })
  expect('object' in parsed && parsed.object.spec).toEqual({ size: 3, values: { a: null } })
})

test('strict refuses unknown members at any depth and names each', () => {
  const parsed = parseResource(THING, thing({ odd: 1, parts: [{ a: 'x', 'b/c': 1 }], values: { free: 1 } }, { extra: 1 }), { strict: true })
  expect('problems' in parsed && parsed.problems).toEqual([
    { path: 'extra', message: 'unknown field' },
    { path: 'spec.odd', message: 'unknown field' },
    { path: 'spec.parts[0]["b/c"]', message: 'unknown field' },
  ])
})

test('all problems are told at once, each with its path', () => {
  const manifest = thing({ size: 0, parts: [{}, { a: 1 }] }, { kind: 'Thing', metadata: { name: 'Bad', labels: { a: 1 } } })
  const parsed = parseResource(THING, manifest, { strict: false })
  const paths = 'problems' in parsed ? parsed.problems.map(({ path }) => path) : []
  expect(paths).toEqual(['metadata.name', 'metadata.labels.a', 'spec.size', 'spec.parts[0].a', 'spec.parts[1].a'])
})

test('a rule over several fields holds in the parser as in the CRD', () => {
  const parsed = parseResource(THING, thing({ size: 1, name: 'a://x' }), { strict: false })
  expect('problems' in parsed && parsed.problems).toEqual([{ path: 'spec', message: 'named things are bigger than 1' }])
  expect(JSON.stringify(crd(THING))).toContain('!has(self.name) || self.size > 1')
})

test('a structural schema has no references, no closed objects and no slashes escaped', () => {
  const schema = structuralSchema(THING.spec)
  expect(schema.properties?.size).toEqual({ type: 'integer', format: 'int64', minimum: 1, default: 3, description: 'How big.' })
  expect(schema.properties?.name?.pattern).toBe('^[a-z]+://x')
  expect(schema.properties?.values).toEqual({ type: 'object', 'x-kubernetes-preserve-unknown-fields': true, description: 'Anything.' })
  expect(JSON.stringify(schema)).not.toMatch(/\$ref|additionalProperties/)
})
