import { expect, test } from 'vitest'
import { parseFluxObject } from '../../proto/model/flux/parse.ts'
import { isSource } from '../../proto/model/flux/source/kinds.ts'
import { credentialIn, secretsOf } from './credential.ts'

const taken = (kind: string, spec: object, secrets: Readonly<Record<string, Readonly<Record<string, string>>>>) => {
  const metadata = { name: 'app', namespace: 'shop' }
  const parsed = parseFluxObject({ apiVersion: 'source.toolkit.fluxcd.io/v1', kind, metadata, spec: { interval: '1m', ...spec } })
  if ('problems' in parsed || !isSource(parsed.object)) throw new Error(JSON.stringify(parsed))
  return Object.assign({}, ...secretsOf(parsed.object).map((use) => credentialIn(encoded(secrets[use.name] ?? {}), use)))
}
const encoded = (data: Readonly<Record<string, string>>) =>
  Object.fromEntries(Object.entries(data).map(([key, text]) => [key, Buffer.from(text).toString('base64')]))

const login = { username: 'u', password: 'p', other: 'x' }
const proxy = { address: 'http://proxy', username: 'v', password: 'q', 'ca.crt': 'x' }

test('the login of a proxy and that of the server are told apart', () => {
  const spec = { url: 'https://git.example/a', secretRef: { name: 'login' }, proxySecretRef: { name: 'proxy' } }
  expect(taken('GitRepository', spec, { login, proxy })).toEqual({
    username: 'u',
    password: 'p',
    'proxy.address': 'http://proxy',
    'proxy.username': 'v',
    'proxy.password': 'q',
  })
})

test.each([
  ['GitRepository', { url: 'https://git.example/a' }],
  ['OCIRepository', { url: 'oci://ghcr.io/a' }],
  ['Bucket', { bucketName: 'a', endpoint: 's3.example' }],
])('of the secret of a proxy of %s nothing but the proxy is taken', (kind, spec) => {
  expect(taken(kind, { ...spec, proxySecretRef: { name: 'proxy' } }, { proxy })).toEqual({
    'proxy.address': 'http://proxy',
    'proxy.username': 'v',
    'proxy.password': 'q',
  })
})
