import fc from 'fast-check'
import { expect, test } from 'vitest'
import { boxKeyPair, open, seal } from './sealed-box.ts'

const hub = boxKeyPair()

test('opens what was sealed, whatever it is', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 4096 }), (bytes) => {
      expect(Buffer.from(open(hub.privateKey, seal(hub.publicKey, bytes)))).toEqual(Buffer.from(bytes))
    }),
    { numRuns: 50 },
  )
})

test('refuses a box in which any single bit was changed', () => {
  const box = seal(hub.publicKey, Buffer.from('password'))
  for (let at = 0; at < box.length; at++) {
    const altered = Uint8Array.from(box)
    altered[at] = (altered[at] ?? 0) ^ 1
    expect(() => open(hub.privateKey, altered), `byte ${at}`).toThrow(/open a sealed box/)
  }
})

test('refuses a box for another key, a short one, and a key of the wrong size', () => {
  expect(() => open(boxKeyPair().privateKey, seal(hub.publicKey, Buffer.from('x')))).toThrow(/for another key/)
  expect(() => open(hub.privateKey, new Uint8Array(10))).toThrow(/none of version 1/)
  expect(() => seal(new Uint8Array(31), new Uint8Array())).toThrow(/31 bytes/)
})

test('two boxes of the same content are not alike', () => {
  expect(seal(hub.publicKey, Buffer.from('x'))).not.toEqual(seal(hub.publicKey, Buffer.from('x')))
})
