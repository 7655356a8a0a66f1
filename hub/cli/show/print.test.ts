import { expect, test } from 'vitest'
import { createTable, document, parseOutput, tableText } from './print.ts'

test('a table has its heads in capitals and columns as wide as their widest cell', () => {
  expect(
    tableText(
      ['name', 'ready'],
      [
        ['apps', 'True'],
        ['infrastructure', 'False'],
      ],
    ),
  ).toBe(['NAME             READY', 'apps             True', 'infrastructure   False', ''].join('\n'))
})

test('a message of several lines stays in its row, and cannot move the cursor', () => {
  expect(tableText(['message'], [['first\n  second\u001b[2J']])).toBe('MESSAGE\nfirst; second [2J\n')
})

test('a table that goes on repeats no heads and keeps its widths', () => {
  const table = createTable(['name', 'ready'])
  expect(table.text([['infrastructure', 'True']])).toBe('NAME             READY\ninfrastructure   True\n')
  expect(table.text([['apps', 'False']])).toBe('apps             False\n')
})

test('programs get JSON or YAML', () => {
  expect(document({ a: [1] }, 'json')).toBe('{\n  "a": [\n    1\n  ]\n}\n')
  expect(document({ a: [1] }, 'yaml')).toBe('a:\n  - 1\n')
  expect(() => parseOutput('xml')).toThrow('-o xml: must be one of table, json, yaml')
})

// kubectl reads YAML 1.1: a label `on` that was printed bare came back to it as a boolean, and was refused.
test('text that is a boolean or a number to kubectl is printed in quotes', () => {
  expect(document({ a: 'on', b: 'no', c: '1_000', d: true }, 'yaml')).toBe('a: "on"\nb: "no"\nc: "1_000"\nd: true\n')
})
