import { FleetError, messageOf } from '../proto/base/errors.ts'
import { readConfig } from './config.ts'
import { settle } from './process.ts'

const stop = Promise.withResolvers<void>()
let asked = false
for (const signal of ['SIGINT', 'SIGTERM'] as const)
  process.on(signal, () => {
    // Whoever asks twice does not want to wait.
    if (asked) process.exit(1)
    asked = true
    stop.resolve()
  })

try {
  const config = readConfig(process.env)
  await settle(config.dataDir)
  const { openAgent } = await import('./app.ts')
  await using _agent = await openAgent(config)
  await stop.promise
} catch (error) {
  process.stderr.write(`${messageOf(error)}\n`)
  process.exitCode = error instanceof FleetError && error.code === 'invalid' ? 2 : 1
}
