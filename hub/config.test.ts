import { expect, test } from 'vitest'
import { readConfig } from './config.ts'

test('without configuration everything is embedded', () => {
  const config = readConfig({ HOME: '/home/ann' })
  expect(config).toMatchObject({ dataDir: '/home/ann/.local/share/flotilla', databaseUrl: undefined, natsUrl: undefined })
})

test('all problems are told at once', () => {
  const env = {
    FLOTILLA_GRPC_LISTEN: 'here',
    FLOTILLA_DATABASE_URL: 'mysql://x',
    FLOTILLA_MASTER_KEY: 'short',
    LOG_LEVEL: 'loud',
    FLOTILLA_CERTIFICATE_LIFE: '1s',
  }
  const names = ['FLOTILLA_GRPC_LISTEN', 'FLOTILLA_DATABASE_URL', 'FLOTILLA_MASTER_KEY', 'LOG_LEVEL', 'FLOTILLA_CERTIFICATE_LIFE']
  for (const name of names) expect(() => readConfig(env)).toThrow(name)
})

test('secrets do not show', () => {
  const config = readConfig({ FLOTILLA_DATABASE_URL: 'postgres://u:canary@db/x', FLOTILLA_MASTER_KEY: 'a'.repeat(64) })
  expect(JSON.stringify(config)).not.toContain('canary')
  expect(`${config.databaseUrl}`).toBe('[secret]')
})
