import { expect, test } from 'vitest'
import { withHead } from './headed.ts'

const line = (text: string) => (text.length + 4).toString(16).padStart(4, '0') + text
const OID = 'a'.repeat(40)

test('a repository whose HEAD nobody has pushed is given one', () => {
  const before = `${line('# service=git-upload-pack\n')}0000${line(`${OID} refs/heads/main\0side-band agent=git/2\n`)}0000`
  const after = `${line('# service=git-upload-pack\n')}0000${line(`${OID} refs/heads/main\0side-band agent=git/2 symref=HEAD:refs/heads/main\n`)}0000`
  expect(withHead(Buffer.from(before), 'refs/heads/main').toString()).toBe(after)
})

test.each([
  ['one with a HEAD', `${line(`${OID} HEAD\0symref=HEAD:refs/heads/main\n`)}0000`],
  ['an empty one', '0000'],
])('%s stays as it is', (_name, text) => {
  expect(withHead(Buffer.from(text), 'refs/heads/x').toString()).toBe(text)
})
