import { expect, test } from 'vitest'
import { applyPatch, mergePatch } from './patch.ts'

test.each([
  // RFC 7386, appendix A
  [{ a: 'b' }, { a: 'c' }, { a: 'c' }],
  [{ a: 'b' }, { b: 'c' }, { a: 'b', b: 'c' }],
  [{ a: 'b' }, { a: null }, {}],
  [{ a: 'b', b: 'c' }, { a: null }, { b: 'c' }],
  [{ a: ['b'] }, { a: 'c' }, { a: 'c' }],
  [{ a: { b: 'c' } }, { a: { b: 'd', c: null } }, { a: { b: 'd' } }],
  [{ a: [{ b: 'c' }] }, { a: [1] }, { a: [1] }],
  [
    ['a', 'b'],
    ['c', 'd'],
    ['c', 'd'],
  ],
  [{ a: 'foo' }, null, null],
  [{ e: null }, { a: 1 }, { e: null, a: 1 }],
  [{}, { a: { bb: { ccc: null } } }, { a: { bb: {} } }],
])('merge %j with %j gives %j', (document, patch, expected) => expect(mergePatch(document, patch)).toEqual(expected))

test.each([
  [{ a: 1 }, [{ op: 'add', path: '/b', value: 2 }], { a: 1, b: 2 }],
  [{ a: [1, 3] }, [{ op: 'add', path: '/a/1', value: 2 }], { a: [1, 2, 3] }],
  [{ a: [1] }, [{ op: 'add', path: '/a/-', value: 2 }], { a: [1, 2] }],
  [{ a: { 'b/c': 1 } }, [{ op: 'remove', path: '/a/b~1c' }], { a: {} }],
  [{ a: 1 }, [{ op: 'replace', path: '/a', value: 2 }], { a: 2 }],
  [{ a: 1 }, [{ op: 'move', from: '/a', path: '/b' }], { b: 1 }],
  [{ a: { x: 1 } }, [{ op: 'copy', from: '/a', path: '/b' }], { a: { x: 1 }, b: { x: 1 } }],
  [{ a: { x: [1] } }, [{ op: 'test', path: '/a', value: { x: [1] } }], { a: { x: [1] } }],
])('JSON patch on %j with %j gives %j', (document, patch, expected) =>
  expect(applyPatch('json', document, patch)).toEqual({ value: expected }),
)

test.each([
  ['a test that fails', [{ op: 'test', path: '/a', value: 2 }]],
  ['a replace of nothing', [{ op: 'replace', path: '/b', value: 2 }]],
  ['a remove of nothing', [{ op: 'remove', path: '/b' }]],
  ['an index outside the list', [{ op: 'add', path: '/l/5', value: 2 }]],
  ['a path that is no pointer', [{ op: 'add', path: 'a', value: 2 }]],
  ['an unknown operation', [{ op: 'frob', path: '/a' }]],
  ['something that is no list', { op: 'add' }],
])('%s is a problem, and the document stays as it was', (_what, patch) => {
  const document = { a: 1, l: [] }
  expect(applyPatch('json', document, patch)).toHaveProperty('problem')
  expect(document).toEqual({ a: 1, l: [] })
})

test('no patch reaches the prototype', () => {
  const merged = mergePatch({}, JSON.parse('{"__proto__": {"polluted": true}}'))
  applyPatch('json', {}, [{ op: 'add', path: '/__proto__/polluted', value: true }])
  expect(({} as Record<string, unknown>).polluted).toBeUndefined()
  expect(Object.keys(merged as object)).toEqual(['__proto__'])
})
