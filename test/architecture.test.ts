import { readdirSync, readFileSync } from 'node:fs'
import { dirname, join, relative } from 'node:path/posix'
import { expect, test } from 'vitest'

const LINE = {
  hub: ['tenants', 'clusters', 'objects', 'sources', 'render', 'placement', 'rollout', 'desired', 'reports', 'events', 'images', 'notify'],
  agent: [
    'tenancy',
    'mirror',
    'cache',
    'placed',
    'decrypt',
    'substitute',
    'helm',
    'inventory',
    'drift',
    'apply',
    'health',
    'report',
    'reconcile',
    'session',
  ],
}
const DOORS = ['stream', 'api', 'web']
const ROOMS = ['db', 'bus', 'vault', 'kube']
const PACKAGE_OF_THE_WORLD = /^(node:(?!path\/posix$|assert$)|@grpc\/|@nats-io\/|@prisma\/|@kubernetes\/|isomorphic-git|pg$)/
const HIDDEN_INPUT = /\bDate\.now\(|new Date\(\)|Math\.random\(|\bset(Timeout|Interval)\(|\bprocess\./

interface Place {
  path: string
  side: string
  concept: string
  io: boolean
  root: boolean
  room: boolean
}
const place = (path: string): Place => {
  const [side = '', concept = ''] = path.split('/')
  return {
    path,
    side,
    concept,
    io: path.includes('/io/'),
    root: /^(hub|agent)\/(main\.ts$|app\.ts$|app\/)/.test(path),
    room: ROOMS.includes(concept),
  }
}
const meetsTheWorld = (p: Place) => p.io || p.root || p.room || p.concept === 'cli' || /^proto\/(base|kustomize|helm)\//.test(p.path)

/** Why `from` may not import `to`, or undefined where it may. */
function fault(from: Place, to: Place): string | undefined {
  if (PACKAGE_OF_THE_WORLD.test(to.path)) return meetsTheWorld(from) ? undefined : 'only io/ and rooms meet the world'
  if (!['hub', 'agent', 'proto'].includes(to.side)) return undefined
  if (from.side === 'proto' && to.side !== 'proto') return 'proto imports neither side'
  if (to.side !== 'proto' && to.side !== from.side) return 'hub and agent meet only in proto'
  if (to.path.startsWith('proto/gen/')) return from.io || ['wire', 'cli'].includes(from.concept) ? undefined : 'wire formats stop at io/'
  if (to.side === 'proto' || from.root) return undefined
  if (from.concept === 'cli') return to.concept === 'cli' ? undefined : 'the CLI is a client'
  if (to.io && !from.io) return 'the core never imports io/'
  if (from.concept === to.concept) return undefined
  if (to.room) return from.io ? undefined : 'rooms are entered from io/'
  const line: readonly string[] = LINE[from.side as 'hub' | 'agent']
  if (DOORS.includes(from.concept)) return /\/(model|service)\.ts$/.test(to.path) ? undefined : 'a door sees model.ts and service.ts'
  if (to.path.endsWith('/model.ts') && line.indexOf(to.concept) < line.indexOf(from.concept)) return undefined
  return 'a concept sees only the model.ts of concepts before it'
}

const files = ['proto', 'hub', 'agent']
  .flatMap((dir) => readdirSync(dir, { recursive: true, encoding: 'utf8' }).map((f) => join(dir, f)))
  .filter((f) => f.endsWith('.ts') && !/^(proto|hub\/db)\/gen\/|\.test\.ts$/.test(f))
const text = new Map(files.map((f) => [f, readFileSync(f, 'utf8')]))

test('imports point downwards', () => {
  const faults = [...text].flatMap(([path, code]) =>
    [...code.matchAll(/^(?:import|export)\b[^'"]*['"]([^'"]+)['"]/gm)].flatMap(([, spec = '']) => {
      const to = spec.startsWith('.') ? relative('.', join(dirname(path), spec)) : spec
      const why = fault(place(path), place(to))
      return why ? [`${path} → ${to}: ${why}`] : []
    }),
  )
  expect(faults).toEqual([])
})

test('time, chance and environment come in as arguments', () => {
  expect([...text].filter(([f, code]) => !meetsTheWorld(place(f)) && HIDDEN_INPUT.test(code)).map(([f]) => f)).toEqual([])
})

test('signals are put together so that none is forgotten', () => {
  expect([...text].filter(([f, code]) => f !== 'proto/base/signals.ts' && code.includes('AbortSignal.any(')).map(([f]) => f)).toEqual([])
})

test('files stay under 400 lines', () => {
  expect([...text].filter(([, code]) => code.split('\n').length > 400).map(([f]) => f)).toEqual([])
})
