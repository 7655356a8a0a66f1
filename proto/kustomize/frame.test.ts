import fc from 'fast-check'
import { expect, test } from 'vitest'
import { encodeFrame, FrameReader } from './frame.ts'

test('frames come out as they went in, however the bytes are cut', () => {
  const frames = fc.array(fc.record({ path: fc.string(), body: fc.uint8Array() }), { minLength: 1, maxLength: 5 })
  fc.assert(
    fc.property(frames, fc.integer({ min: 1, max: 40 }), (sent, cut) => {
      const bytes = Buffer.concat(sent.map(({ path, body }) => encodeFrame({ kind: 'look', path }, body)))
      const reader = new FrameReader(1 << 20)
      const received = []
      for (let at = 0; at < bytes.length; at += cut) received.push(...reader.push(bytes.subarray(at, at + cut)))
      expect(received.map(({ head, body }) => ({ path: head.path, body: Uint8Array.from(body) }))).toEqual(sent)
    }),
  )
})

test('a frame beyond the limit is refused before it is read', () => {
  const frame = Buffer.from(encodeFrame({ kind: 'built' }, new Uint8Array(2000)))
  expect(() => new FrameReader(1000).push(frame.subarray(0, 20))).toThrow('2024 bytes, 1000 are allowed')
})
