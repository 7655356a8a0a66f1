/** Something that the hub needs to be of use; throws or rejects when it is not there. */
export interface Check {
  readonly name: string
  check(signal: AbortSignal): Promise<void>
}

export interface Page {
  readonly code: number
  readonly contentType: string
  readonly body: string
}

export interface Outcome {
  readonly name: string
  readonly problem: string | undefined
}

/** `/healthz`, `/livez`: the process answers, which is all that a restart could mend. */
export function healthPage(): Page {
  return { code: 200, contentType: 'text/plain; charset=utf-8', body: 'ok\n' }
}

/** `/readyz`: 200 when every check passed, else 503 with those that did not; causes are for the log, not for everybody. */
export function readyPage(outcomes: readonly Outcome[]): Page {
  const ready = outcomes.every(({ problem }) => problem === undefined)
  const lines = outcomes.map(({ name, problem }) => (problem === undefined ? `[+] ${name} ok` : `[-] ${name} failed`))
  return {
    code: ready ? 200 : 503,
    contentType: 'text/plain; charset=utf-8',
    body: `${[...lines, ready ? 'ready' : 'not ready'].join('\n')}\n`,
  }
}
