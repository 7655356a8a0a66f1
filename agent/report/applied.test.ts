import { expect, test, vi } from 'vitest'
import { systemClock } from '../../proto/base/clock.ts'
import type { AppliedReport } from '../../proto/model/report.ts'
import type { Together } from '../health/model.ts'
import { nextWord, openAppliedWords, type Said, type Word } from './applied.ts'

const current: Together = { health: 'Current', message: '' }
const late = (message = 'Deployment/a/b is InProgress: Available: 0/1'): Together => ({ health: 'InProgress', message })
const failed: Together = { health: 'Failed', message: 'Deployment/a/b is Failed: Progress deadline exceeded' }
const unseen: Together = { health: 'InProgress', message: expect.stringContaining('may its ServiceAccount read it') }
const at = (over: Partial<Said> = {}): Said => ({ sinceMs: 0, ...over })

test.each<[string, Said, Together | undefined, number, Word]>([
  ['what is current is told at once', at(), current, 0, { say: current, said: at({ last: current }) }],
  ['what has failed is told at once', at({ last: late(), lateMs: 5 }), failed, 10, { say: failed, said: at({ last: failed }) }],
  ['what has not been seen yet is left untold', at(), undefined, 100, { said: at(), againMs: 9_900 }],
  [
    'what cannot be seen is told as that',
    at({ lateMs: 0 }),
    undefined,
    10_000,
    { say: unseen, said: at({ last: unseen, lateMs: 10_000 }) },
  ],
  ['what a lost watch tells no more of stays as it was told', at({ last: current }), undefined, 99_000, { said: at({ last: current }) }],
  ['what is late is left untold for a second', at(), late(), 50, { said: at({ lateMs: 50 }), againMs: 1_000 }],
  ['what is late for longer is told', at({ lateMs: 50 }), late(), 1_050, { say: late(), said: at({ last: late(), lateMs: 1_050 }) }],
  [
    'what is late for another reason is told a second later',
    at({ last: late(), lateMs: 0 }),
    late('x'),
    400,
    { said: at({ last: late(), lateMs: 0 }), againMs: 600 },
  ],
  [
    'what is late for the same reason is told once',
    at({ last: late(), lateMs: 0 }),
    late(),
    9_000,
    { said: at({ last: late(), lateMs: 0 }) },
  ],
  ['what was late for a moment was never late', at({ last: current, lateMs: 0 }), current, 500, { said: at({ last: current }) }],
])('%s', (_name, said, seen, nowMs, word) => {
  expect(nextWord(said, seen, nowMs)).toEqual(word)
})

test('what changed the cluster is told of at once, as far as it is known', async () => {
  const words: AppliedReport[] = []
  await using told = openAppliedWords({ clock: systemClock, tell: (word) => words.push(word) })
  const object = { group: 'kustomize.toolkit.fluxcd.io', kind: 'Kustomization', namespace: 'a', name: 'b' }
  const seen: (Together | undefined)[] = [undefined, late(), current]
  for (const one of seen)
    told.follow({ object, uid: 'u', generation: 1, bundle: 'b', fluxObjects: [] }, true, () => ({
      together: () => one,
      [Symbol.dispose]: () => undefined,
    }))
  expect(words).toMatchObject([{ health: 'InProgress', message: 'it has just been applied' }, late(), current])
})

test('a run is told of until another one takes its place, and its end does not take the other one along', async () => {
  const words: AppliedReport[] = []
  await using told = openAppliedWords({ clock: systemClock, tell: (word) => words.push(word) })
  const object = { group: 'kustomize.toolkit.fluxcd.io', kind: 'Kustomization', namespace: 'a', name: 'b' }
  const run = (bundle: string) => {
    let health = current
    let changed: () => void = () => undefined
    const held = told.follow({ object, uid: 'u', generation: 1, bundle, fluxObjects: [] }, false, (call) => {
      changed = call
      return { together: () => health, [Symbol.dispose]: () => undefined }
    })
    const become = (next: Together) => {
      health = next
      changed()
    }
    return { held, become }
  }
  const first = run('one')
  await vi.waitUntil(() => words.length === 1)
  const second = run('two')
  first.held[Symbol.dispose]()
  await vi.waitUntil(() => words.length === 2)
  first.become(failed)
  second.become(failed)
  await vi.waitUntil(() => words.length === 3)
  expect(words.map(({ bundle, health }) => `${bundle} ${health}`)).toEqual(['one Current', 'two Current', 'two Failed'])
  second.held[Symbol.dispose]()
  told.leftAlone(object, 'u')
  expect(words.at(-1)).toMatchObject({ object, health: 'NotAssessed' })
})
