import { existsSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { expect, test } from 'vitest'
import { openTempDir } from '../../../test/support/temp-dir.ts'
import { openHome, readCertificate } from './home.ts'

const PEM = '-----BEGIN CERTIFICATE-----\nAA==\n-----END CERTIFICATE-----\n'

test('the certificates are there once the API server has written them and the key', async () => {
  await using dir = openTempDir('home')
  const home = await openHome(dir.path)
  const key = join(dirname(home.caFile), 'apiserver.key')
  const seen = [readCertificate(home)]
  for (const [file, text] of [
    [home.caFile, ''],
    [home.caFile, PEM],
    [key, ''],
    [key, PEM],
  ] as const) {
    writeFileSync(file, text)
    seen.push(readCertificate(home))
  }
  expect(seen).toEqual([undefined, undefined, undefined, undefined, PEM])
})

test.each([
  ['an empty certificate', '', undefined],
  ['a certificate without its key', PEM, undefined],
  ['a certificate with an empty key', PEM, ''],
])('what a killed API server has left behind is taken away: %s', async (_, certificate, key) => {
  await using dir = openTempDir('home')
  const { caFile } = await openHome(dir.path)
  const keyFile = join(dirname(caFile), 'apiserver.key')
  writeFileSync(caFile, certificate)
  if (key !== undefined) writeFileSync(keyFile, key)
  await openHome(dir.path)
  expect([existsSync(caFile), existsSync(keyFile)]).toEqual([false, false])
})
