import { expect, test } from 'vitest'
import type { ApiRequest, ApiResponse, Target } from '../model.ts'
import { subjectName } from './subject-name.ts'

const request = (body: string) => ({ body: Buffer.from(body), contentType: 'application/json' }) as unknown as ApiRequest
const target = (verb: string, name = '') => ({ verb, name }) as Target
const answer = (name: string): ApiResponse => ({ kind: 'json', code: 201, body: { metadata: { name } } })

test.each<[string, string, Target, ApiResponse | undefined, string]>([
  ['of a patch it is in the path', '{"metadata":{"name":"body"}}', target('patch', 'path'), answer('answer'), 'path'],
  ['of a create it is in the answer', '{"metadata":{"generateName":"a-"}}', target('create'), answer('a-x7'), 'a-x7'],
  ['of a create that was refused it is in what was sent', '{"metadata":{"name":"sent"}}', target('create'), undefined, 'sent'],
  ['a body that cannot be read names nothing', '{"metadata":', target('create'), undefined, ''],
  ['what is no name is not written down', '{"metadata":{"name":"a\\nb"}}', target('create'), undefined, ''],
  ['a deletion of many has no name', '', target('delete'), undefined, ''],
])('%s', (_name, body, about, given, expected) => {
  expect(subjectName(request(body), about, given)).toBe(expected)
})
