import { expect, test } from 'vitest'
import { parseChallenge, tokenUrl } from './challenge.ts'
import { loginFor, loginsIn } from './docker-config.ts'
import { parseManifest, pickLayer } from './manifest.ts'
import { pickTag } from './pick-tag.ts'
import { parseRepository } from './reference.ts'

test.each([
  ['oci://ghcr.io/team/app', { registry: 'ghcr.io', origin: 'https://ghcr.io', repository: 'team/app' }],
  ['oci://127.0.0.1:5000/app', { origin: 'https://127.0.0.1:5000', repository: 'app' }],
  ['oci://docker.io/nginx', { origin: 'https://registry-1.docker.io', repository: 'library/nginx' }],
  ['oci://ghcr.io', undefined],
  ['oci://ghcr.io/../v2/x', undefined],
  ['oci://user@ghcr.io/app', undefined],
  ['https://ghcr.io/app', undefined],
])('the address %s', (url, expected) => {
  const found = parseRepository(url, { insecure: false })
  if (expected) expect(found).toMatchObject(expected)
  else expect(found).toBeUndefined()
})

const at = { registry: 'ghcr.io', origin: 'https://ghcr.io', repository: 'team/app' }
const auth = (pair: string) => ({ auth: Buffer.from(pair).toString('base64') })
test('a login is the one of the registry, the closest to the repository', () => {
  const config = JSON.stringify({
    auths: { 'https://ghcr.io/v2/': auth('a:1'), 'ghcr.io/team': auth('b:2:3'), 'ghcr.io/teams': auth('c:4'), 'evil-ghcr.io': auth('d:5') },
  })
  expect(loginFor(config, at)).toEqual({ username: 'b', password: '2:3' })
  expect(loginFor(config, { ...at, repository: 'other' })).toEqual({ username: 'a', password: '1' })
  expect(loginFor(config, { ...at, registry: 'quay.io' })).toBeUndefined()
  expect(loginFor('no json', at)).toHaveProperty('problem')
  expect(loginsIn(config)).toHaveLength(4)
})

test('a token is asked for at the realm, in the clear only where the registry is', () => {
  const challenge = parseChallenge('Bearer realm="https://auth.example/token",service="reg",scope="all"')
  if (challenge?.kind !== 'bearer') return expect.fail('it is a bearer challenge')
  expect(tokenUrl(challenge, 'team/app', 'https://ghcr.io')?.href).toBe(
    'https://auth.example/token?service=reg&scope=repository%3Ateam%2Fapp%3Apull',
  )
  expect(tokenUrl({ ...challenge, realm: 'http://auth.example' }, 'a', 'https://ghcr.io')).toBeUndefined()
  expect(tokenUrl({ ...challenge, realm: 'http://auth.example' }, 'a', 'http://ghcr.io')).toBeDefined()
  expect(tokenUrl({ ...challenge, realm: 'file:///etc/passwd' }, 'a', 'http://ghcr.io')).toBeUndefined()
  expect(parseChallenge('Basic realm="x"')).toEqual({ kind: 'basic' })
  expect(parseChallenge('Negotiate')).toBeUndefined()
})

test('a filter that may take for ever is refused', () => {
  expect(pickTag({ semver: '*', semverFilter: '(a+)+$' }, ['1.0.0'])).toMatchObject({ problem: { stalled: true } })
  expect(pickTag({ semver: '*', semverFilter: '(' }, ['1.0.0'])).toMatchObject({ problem: { stalled: true } })
  expect(pickTag({ semver: '*', semverFilter: '^1\\.' }, ['1.0.0', '2.0.0'])).toEqual({ tag: '1.0.0', version: '1.0.0' })
})

test('a manifest is read, an index leads to one, anything else is neither', () => {
  const layer = { mediaType: 'm', digest: `sha256:${'0'.repeat(64)}`, size: 1 }
  expect(parseManifest(JSON.stringify({ layers: [layer] }))).toEqual({ kind: 'manifest', manifest: { layers: [layer], annotations: {} } })
  const platform = { os: 'linux', architecture: 'amd64' }
  expect(parseManifest(JSON.stringify({ manifests: [{ ...layer, platform }] }))).toEqual({ kind: 'index', digest: layer.digest })
  for (const text of ['{}', 'x', JSON.stringify({ layers: [{ ...layer, digest: 'md5:1' }] })]) expect(parseManifest(text)).toBeUndefined()
  expect(pickLayer([], undefined)).toEqual({ problem: 'no layers found in artifact' })
})
