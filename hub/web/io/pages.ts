import type { Registry } from 'prom-client'
import { messageOf } from '../../../proto/base/errors.ts'
import { type Check, healthPage, type Outcome, type Page, readyPage } from '../health.ts'

const CHECK_MS = 2000

/** The pages that need no token: `/healthz`, `/livez`, `/readyz`, `/metrics`. */
export function openPages(parts: {
  readonly checks: readonly Check[]
  readonly metrics: Registry
}): readonly { readonly path: string; answer(): Promise<Page> }[] {
  return [
    { path: '/healthz', answer: async () => healthPage() },
    { path: '/livez', answer: async () => healthPage() },
    { path: '/readyz', answer: async () => readyPage(await Promise.all(parts.checks.map(outcome))) },
    {
      path: '/metrics',
      answer: async () => ({ code: 200, contentType: parts.metrics.contentType, body: await parts.metrics.metrics() }),
    },
  ]
}

async function outcome({ check, name }: Check): Promise<Outcome> {
  const signal = AbortSignal.timeout(CHECK_MS)
  const late = new Promise<never>((_resolve, reject) => {
    signal.addEventListener('abort', () => reject(signal.reason), { once: true })
  })
  try {
    await Promise.race([check(signal), late])
    return { name, problem: undefined }
  } catch (error) {
    return { name, problem: messageOf(error) }
  }
}
