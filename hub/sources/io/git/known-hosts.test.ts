import { createHmac } from 'node:crypto'
import { expect, test } from 'vitest'
import { isPinned, pinnedKeys } from './known-hosts.ts'

const KEY = Buffer.from('the key')
const line = (hosts: string) => `${hosts} ssh-ed25519 ${KEY.toString('base64')}`
const salt = Buffer.from('salt of 20 bytes....')
const hashed = `|1|${salt.toString('base64')}|${createHmac('sha1', salt).update('git.example').digest('base64')}`

test.each([
  ['a plain name', line('git.example'), 'git.example', 22, true],
  ['one of several names', line('a.example,git.example'), 'git.example', 22, true],
  ['a name with its port', line('[git.example]:2222'), 'git.example', 2222, true],
  ['a name without the port that is used', line('git.example'), 'git.example', 2222, false],
  ['a wildcard', line('*.example'), 'git.example', 22, true],
  ['a negated name', line('*.example,!git.example'), 'git.example', 22, false],
  ['a hashed name', line(hashed), 'git.example', 22, true],
  ['another hashed name', line(hashed), 'evil.example', 22, false],
  ['a revoked key', `${line('git.example')}\n@revoked ${line('*')}`, 'git.example', 22, false],
  ['a certificate authority', `@cert-authority ${line('*')}`, 'git.example', 22, false],
  ['a comment', `# ${line('git.example')}`, 'git.example', 22, false],
])('%s', (_, text, host, port, expected) => {
  expect(isPinned(pinnedKeys(text, host, port), KEY)).toBe(expected)
})

test('another key is not pinned', () => {
  expect(isPinned(pinnedKeys(line('git.example'), 'git.example', 22), Buffer.from('another'))).toBe(false)
})
