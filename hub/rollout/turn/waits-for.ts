import { explainRun } from '../explain.ts'
import type { Look } from './look.ts'

/** What a Rollout waits for, or how its last run ended, in one sentence. */
export function waitsFor({ facts, now, run, spec, state }: Look): string {
  if (!run) return withoutRun(state.newest?.revision, state.standing?.revision)
  const said = explainRun(run, facts ?? NOBODY, now)
  if (state.hold) return `${said}; held by ${state.hold.by} until it is resumed`
  return spec.suspend ? `${said}; the Rollout is suspended` : said
}

const NOBODY = { clusters: [], window: { open: true }, paused: false, approvals: new Map(), skips: new Map() }

function withoutRun(newest: string | undefined, standing: string | undefined): string {
  if (newest === undefined) return 'no revision is known yet'
  return standing === newest ? `every cluster has ${newest}` : `nothing is on its way; the newest revision is ${newest}`
}
