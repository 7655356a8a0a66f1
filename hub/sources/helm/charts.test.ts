import { describe, expect, test } from 'vitest'
import { chartUrl, indexUrl } from './chart-url.ts'
import { findSections, readVersions } from './index-file.ts'
import { readMetadata, sameVersion, withBuild, withVersion } from './metadata.ts'
import { looseVersion, pickChart } from './pick-chart.ts'
import { mergeValues } from './values.ts'

describe('an index', () => {
  const INDEX = `# made by hand
apiVersion: v1
entries:
  app:
  - version: 1.0.0
    description: |
      entries:
        other:
    urls: [app-1.0.0.tgz]
  # between
  "quoted-name":
    - version: "2"
      urls:
        - x.tgz
generated: "2026"
`
  const section = (text: string, name: string) => {
    const found = findSections(Buffer.from(text))
    if (!found || 'problem' in found) return found
    const at = found.get(name)
    return at && Buffer.from(text).toString('utf8', at.from, at.to)
  }

  test('is cut into charts by its lines, and what is cut out is read like all of it', () => {
    for (const name of ['app', 'quoted-name']) expect(readVersions(String(section(INDEX, name)), name)).toEqual(readVersions(INDEX, name))
    expect(readVersions(INDEX, 'app')).toMatchObject([{ version: '1.0.0', urls: ['app-1.0.0.tgz'] }])
    expect(section(INDEX, 'other')).toBeUndefined()
    expect(section(INDEX, 'generated')).toBeUndefined()
  })

  test.each([
    ['entries in braces', 'apiVersion: v1\nentries: {app: []}\n', undefined],
    ['a key that is no plain name', 'apiVersion: v1\nentries:\n  ? app\n  : []\n', undefined],
    ['no version', 'entries:\n  app:\n  - version: 1.0.0\n', { problem: 'no API version specified' }],
    ['no entries', 'apiVersion: v1\n', { problem: 'it has no entries' }],
  ])('with %s is not cut', (_, text, expected) => {
    const found = findSections(Buffer.from(text))
    expect(found).toEqual(expected)
  })

  test('may be JSON', () => {
    expect(readVersions('{"apiVersion":"v1","entries":{"app":[{"version":"1.0.0","urls":["a"]}]}}', 'app')).toMatchObject([
      { version: '1.0.0' },
    ])
  })
})

test.each([
  ['', '2.0.0'],
  ['*', '2.0.0'],
  ['1.x', '1.10.0'],
  ['>=1.0.0-0', '3.0.0-rc.1'],
  ['1.2.0', '1.2.0'],
  ['~1.2', '1.2.5'],
  ['v1.2.5', '1.2.5'],
  ['nope', 'improper constraint: nope'],
  ['>9', "no 'app' chart with version matching '>9' found"],
])('the range "%s" is the version %s', (range, expected) => {
  const listed = ['1.2.0', '1.10.0', '1.2.5', '2.0.0', '3.0.0-rc.1', 'junk'].map((version) => ({ version, createdAt: 0 }))
  const picked = pickChart('app', range, listed)
  expect('one' in picked ? picked.one.version : picked.problem).toBe(expected)
})

test('of equal versions the one made last is taken; versions may be loose', () => {
  const listed = [1, 3, 2].map((createdAt) => ({ version: `1.0.0+${createdAt}`, createdAt }))
  expect(pickChart('app', '1.x', listed)).toMatchObject({ one: { createdAt: 3 } })
  expect(['v1.2', '1', '1.2.3-a', 'x', '1.2.3.4'].map(looseVersion)).toEqual(['1.2.0', '1.0.0', '1.2.3-a', undefined, undefined])
})

test('addresses of charts go by their index', () => {
  expect(indexUrl('https://x.example/charts/?sig=1')).toBe('https://x.example/charts/index.yaml?sig=1')
  expect(chartUrl('https://x.example/charts', 'a.tgz')).toBe('https://x.example/charts/a.tgz')
  expect(chartUrl('https://x.example/charts?sig=1', 'a.tgz')).toBe('https://x.example/charts/a.tgz?sig=1')
  expect(chartUrl('https://x.example/charts?sig=1', 'https://y.example/a.tgz')).toBe('https://y.example/a.tgz')
})

test('a Chart.yaml keeps what is in it but the version', () => {
  const text = '# mine\napiVersion: v2\nname: app\nversion: 1.0.0 # now\nannotations: {a: b}\n'
  expect(withVersion(text, '1.0.0+3')).toContain('# mine')
  expect(readMetadata(withVersion(text, '1.0.0+3'))).toMatchObject({ name: 'app', version: '1.0.0+3' })
  expect(readMetadata('name: ../x\napiVersion: v2\nversion: 1.0.0')).toHaveProperty('problem')
  expect(readMetadata('{')).toHaveProperty('problem')
  expect([withBuild('1.0.0+old', '3'), withBuild('1.0.0+old', ''), withBuild('v1.0', '3')]).toEqual(['1.0.0+3', '1.0.0+old', '1.0.0+3'])
  expect([sameVersion('v1.0.0', '1.0.0+b'), sameVersion('1.0.0', '1.0.1')]).toEqual([true, false])
})

test('values are laid over each other; nothing reaches a prototype', () => {
  const files: Record<string, string> = {
    'a.yaml': 'x: {y: 1, z: [1]}',
    'b.yaml': 'x: {z: [2]}\n__proto__: {bad: true}',
    'c.yaml': '- no map',
  }
  const merge = (paths: readonly string[], ignoreMissing = false) => mergeValues(paths, (path) => files[path], { ignoreMissing })
  expect(merge(['./a.yaml', 'b.yaml'])).toMatchObject({ text: expect.stringContaining('z:\n    - 2'), used: ['./a.yaml', 'b.yaml'] })
  expect(({} as Record<string, unknown>).bad).toBeUndefined()
  expect(merge(['c.yaml'])).toMatchObject({ problem: expect.stringContaining('no map') })
  expect(merge(['../../none.yaml', 'a.yaml'], true)).toMatchObject({ used: ['a.yaml'] })
})
