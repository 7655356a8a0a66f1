import { FleetError, messageOf } from '../proto/base/errors.ts'
import { openAgent } from './app.ts'
import { readConfig } from './config.ts'

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
  await using _agent = await openAgent(readConfig(process.env))
  await stop.promise
} catch (error) {
  process.stderr.write(`${messageOf(error)}\n`)
  process.exitCode = error instanceof FleetError && error.code === 'invalid' ? 2 : 1
}
