import { FleetError, messageOf } from '../proto/base/errors.ts'
import { openLog } from '../proto/base/log.ts'
import { openHub } from './app.ts'
import { readConfig } from './config.ts'

/** Runs a hub until SIGINT or SIGTERM; a second signal ends it at once. */
async function main(): Promise<number> {
  const config = readConfig(process.env)
  const log = openLog({ level: config.logLevel, program: 'hub' })
  const stop = new AbortController()
  const asked = Promise.withResolvers<void>()
  for (const name of ['SIGINT', 'SIGTERM'] as const) {
    process.on(name, () => {
      if (stop.signal.aborted) process.exit(130)
      stop.abort(new FleetError('aborted', `stopped by ${name}`))
      asked.resolve()
    })
  }
  const hub = await openHub(config, log, stop.signal)
  await asked.promise
  log.info({ event: 'hub.stopping' }, 'hub is stopping')
  await hub[Symbol.asyncDispose]()
  return 0
}

main().then(
  (code) => process.exit(code),
  (error: unknown) => {
    process.stderr.write(`flotilla hub: ${messageOf(error)}\n`)
    process.exit(error instanceof FleetError && error.code === 'invalid' ? 2 : 1)
  },
)
