import { pino } from 'pino'

/** Names of fields a log line may carry beside `event`; one place, so that the same thing is always called the same. */
export interface LogFields {
  readonly event: string
  readonly err?: unknown
  readonly cluster?: string
  readonly clusterId?: string
  readonly tenant?: string
  readonly object?: string
  readonly revision?: string
  readonly digest?: string
  readonly url?: string
  readonly reason?: string
  readonly count?: number
  readonly bytes?: number
  readonly durationMs?: number
  readonly waitMs?: number
  readonly epoch?: number
  readonly replica?: string
  readonly port?: number
  readonly path?: string
  readonly subject?: string
  readonly program?: string
  readonly version?: string
}

export interface Log {
  debug(fields: LogFields, message: string): void
  info(fields: LogFields, message: string): void
  warn(fields: LogFields, message: string): void
  error(fields: LogFields, message: string): void
  child(bindings: Readonly<Record<string, string>>): Log
}

/** Opens the process's log: JSON lines on stderr, credentials redacted by name. */
export function openLog(options: { readonly level: string; readonly program: string }): Log {
  return pino(
    {
      level: options.level,
      base: { program: options.program },
      timestamp: pino.stdTimeFunctions.isoTime,
      redact: {
        paths: ['*.password', '*.token', '*.identity', '*.authorization', 'password', 'token', 'authorization'],
        censor: '[secret]',
      },
      serializers: { err: describeError },
    },
    pino.destination({ dest: 2, sync: true }),
  )
}

/** A log that drops everything, for tests that do not look at it. */
export const silentLog: Log = { debug() {}, info() {}, warn() {}, error() {}, child: () => silentLog }

function describeError(error: unknown): unknown {
  if (!(error instanceof Error)) return String(error)
  const code = 'code' in error ? String(error.code) : undefined
  return {
    name: error.name,
    code,
    message: error.message,
    stack: error.stack,
    cause: error.cause === undefined ? undefined : describeError(error.cause),
  }
}
