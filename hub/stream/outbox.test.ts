import fc from 'fast-check'
import { expect, test } from 'vitest'
import type { Fact } from '../../proto/model/facts.ts'
import { emptyOutbox, hasRoom, OUTBOX_LIMIT, offer, take } from './outbox.ts'

const ref = (name: string) => ({ group: 'g', kind: 'K', namespace: 'n', name })
const fact = (name: string, position: number): Fact => ({
  kind: 'desired',
  object: ref(name),
  source: ref('s'),
  optionsDigest: 'o',
  content: { bundle: `b${position}` },
  position: BigInt(position),
})

test('sends what was read, in order of positions, each place once with its newest fact, and the mark last', () => {
  const names = fc.array(fc.tuple(fc.constantFrom('a', 'b', 'c', 'd'), fc.boolean()), { minLength: 1, maxLength: 40 })
  fc.assert(
    fc.property(names, fc.integer({ min: 1, max: 5 }), (events, count) => {
      let outbox = emptyOutbox(0n)
      const sent: Fact[] = []
      const newest = new Map<string, bigint>()
      events.forEach(([name, pause], at) => {
        const position = at + 1
        newest.set(name, BigInt(position))
        outbox = offer(outbox, { facts: [fact(name, position)], upTo: BigInt(position), complete: true, digest: '' })
        if (pause) {
          const taken = take(outbox, count)
          outbox = taken.outbox
          sent.push(...taken.facts)
        }
      })
      const last = take(outbox, 100)
      sent.push(...last.facts)
      expect(sent.map(({ position }) => position)).toEqual(sent.map(({ position }) => position).sort((a, b) => Number(a - b)))
      const held = new Map(sent.map((one) => [one.kind === 'desired' ? one.object.name : '', one.position]))
      expect(held).toEqual(newest)
      expect(last.outbox.facts.size).toBe(0)
    }),
  )
})

test('a full outbox takes no page: it is read again from the rows', () => {
  const page = (from: number) => ({
    facts: Array.from({ length: OUTBOX_LIMIT }, (_, at) => fact(`n${from + at}`, from + at)),
    upTo: BigInt(from + OUTBOX_LIMIT),
    complete: false,
    digest: '',
  })
  const full = offer(emptyOutbox(0n), page(1))
  expect(hasRoom(full)).toBe(false)
  expect(offer(full, page(10_000))).toBe(full)
})

test('the mark is announced once, and only when everything before it is out', () => {
  const outbox = offer(emptyOutbox(0n), { facts: [fact('a', 1), fact('b', 2)], upTo: 2n, complete: true, digest: 'd' })
  const first = take(outbox, 1)
  expect(first.mark).toBeUndefined()
  const second = take(first.outbox, 1)
  expect(second.mark).toEqual({ position: 2n, digest: 'd' })
  expect(take(second.outbox, 1).mark).toBeUndefined()
})
