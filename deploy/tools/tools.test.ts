import { mkdtempSync, readdirSync, rmSync, utimesSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { underLock } from './lock.mjs'
import { cacheDir, ensureTools, findTool, toolPath } from './tools.mjs'

let dir: string
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'flotilla-tools-'))
})
afterEach(() => rmSync(dir, { recursive: true, force: true }))

test.each([
  { what: 'its own variable first', env: { FLOTILLA_CACHE: '/a', XDG_CACHE_HOME: '/b', HOME: '/c' }, is: '/a' },
  { what: 'the XDG folder next', env: { XDG_CACHE_HOME: '/b', HOME: '/c' }, is: '/b/flotilla' },
  { what: 'not an XDG folder that is relative', env: { XDG_CACHE_HOME: 'b', HOME: '/c' }, is: '/c/.cache/flotilla' },
  { what: 'the home folder last', env: { HOME: '/c' }, is: '/c/.cache/flotilla' },
])('keeps the cache where the environment says: $what', ({ env, is }) => {
  expect(cacheDir(env)).toBe(is)
})

test('takes the program that the environment names before any other', () => {
  expect(findTool('kwok', { FLOTILLA_CACHE: dir, FLOTILLA_TOOL_KWOK: process.execPath })).toBe(process.execPath)
})

test('refuses an override that is not a program', () => {
  expect(() => findTool('kwok', { FLOTILLA_CACHE: dir, FLOTILLA_TOOL_KWOK: join(dir, 'none') })).toThrow(
    /FLOTILLA_TOOL_KWOK names .* correct it, or unset it/,
  )
})

test('takes a program from PATH only in a version that fits', () => {
  const program = (version: string) => {
    writeFileSync(join(dir, 'nats-server'), `#!/bin/sh\necho "nats-server: v${version}"\n`, { mode: 0o755 })
    return findTool('nats-server', { FLOTILLA_CACHE: dir, PATH: dir })
  }
  expect(program('2.11.3')).toBe(join(dir, 'nats-server'))
  expect(program('2.9.10')).toBeUndefined()
})

test('says how to get a program that is not there', () => {
  expect(() => toolPath('kubernetes', { FLOTILLA_CACHE: dir })).toThrow(/node deploy\/setup\.mjs.*FLOTILLA_TOOL_KUBERNETES/)
})

test.each([
  { what: 'there is no Go', go: undefined, says: /no working `go` on PATH: install it from https:\/\/go\.dev\/dl/ },
  { what: 'Go is too old', go: 'go version go1.19.8 linux/amd64', says: /Go 1\.26 or newer is needed .* is 1\.19/ },
])('says in one sentence that it cannot build when $what', async ({ go, says }) => {
  if (go) writeFileSync(join(dir, 'go'), `#!/bin/sh\necho "${go}"\n`, { mode: 0o755 })
  await expect(ensureTools(['nats-server'], { FLOTILLA_CACHE: dir, PATH: dir })).rejects.toThrow(says)
})

test('does one piece of work at a time under a lock', async () => {
  const file = join(dir, 'lock')
  const seen: string[] = []
  const { promise: mayEnd, resolve: end } = Promise.withResolvers<void>()
  const first = underLock(file, {
    waiting: () => {},
    work: async () => {
      seen.push('first begins')
      await mayEnd
      seen.push('first ends')
    },
  })
  const second = underLock(file, { waiting: () => end(), work: async () => void seen.push('second') })
  await Promise.all([first, second])
  expect(seen).toEqual(['first begins', 'first ends', 'second'])
  expect(readdirSync(dir)).toEqual([])
})

test.each([
  { what: 'whose holder is gone', holder: '999999999 x\n', ageMs: 0 },
  { what: 'that its holder has not touched for long', holder: `${process.pid} x\n`, ageMs: 120_000 },
  { what: 'that a holder left empty', holder: '', ageMs: 10_000 },
])('takes over a lock $what', async ({ holder, ageMs }) => {
  const file = join(dir, 'lock')
  writeFileSync(file, holder)
  const then = new Date(Date.now() - ageMs)
  utimesSync(file, then, then)
  expect(await underLock(file, { waiting: () => expect.unreachable(), work: async () => 'done' })).toBe('done')
})
