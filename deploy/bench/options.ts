import { parseArgs } from 'node:util'
import { FleetError } from '../../proto/base/errors.ts'
import { parseDurationMs } from '../../proto/model/duration.ts'

export const CASES = ['limit', 'sync', 'idle', 'heal', 'helm', 'fleet', 'release', 'waves', 'restart'] as const
export type Case = (typeof CASES)[number]

export interface BenchOptions {
  readonly cases: readonly Case[]
  /** How many Kustomizations or HelmReleases; one cluster for each number. */
  readonly sizes: readonly number[]
  /** How many commits and deletions the middle one is taken of. */
  readonly tries: number
  readonly idleMs: number
  /** Simulated agents of `fleet` and `release`. */
  readonly agents: number
  /** Clusters that the commit of `release` concerns. */
  readonly concerned: number
  /** Simulated clusters of `waves` and `restart`. */
  readonly clusters: number
  /** Runs at once in `waves`. */
  readonly runs: number
  /** Placements of `restart`. */
  readonly placements: number
  /** File of the JSON lines. */
  readonly out: string
  /** Folder where the CPU profiles of hub and agent go; undefined takes none. */
  readonly profiles: string | undefined
  /** Flags of the Node that runs the agent. */
  readonly agentFlags: readonly string[]
  readonly help: boolean
}

export const USAGE = `npm run bench [-- CASE … --quick --n 100,500 --agents 1000 --idle 5m --tries 5 --out FILE --profiles DIR --agent-flags FLAGS
  --clusters 100 --concerned 100 --runs 100 --placements 1000]

Cases: limit (what the API server can do), sync (N Kustomizations on one real cluster: all Ready; one commit),
idle (nothing to do), heal (a deleted object comes back), helm (N HelmReleases of one chart instead: all Ready; one with another value;
the next version of the chart; an idle minute), fleet (simulated agents on a real hub); and with simulated clusters:
release (a commit for --concerned of --agents), waves (rollouts over --clusters, one and --runs at once), restart (--placements in
--clusters, hub killed). All of them when none is named.
--quick takes small numbers. --profiles keeps CPU profiles of hub and agent, which slows them down a little.
--agent-flags starts the agent's Node with flags, such as --agent-flags=--max-semi-space-size=1.
`

/** Reads the command line. @throws FleetError `invalid` with a sentence */
export function readOptions(args: readonly string[]): BenchOptions {
  const { values, positionals } = parse(args)
  const quick = values.quick === true
  const cases = positionals.map(
    (name) => CASES.find((one) => one === name) ?? refuse(`${name} is not a case; there are ${CASES.join(', ')}`),
  )
  const count = (text: string, name: string) => (/^[1-9]\d{0,5}$/.test(text) ? Number(text) : refuse(`--${name} ${text}: not a number`))
  const sizes = (values.n ?? (quick ? '20' : '100,500')).split(',').map((text) => count(text.trim(), 'n'))
  const idle = values.idle ?? (quick ? '20s' : '5m')
  return {
    cases: cases.length > 0 ? cases : CASES,
    sizes,
    tries: count(values.tries ?? (quick ? '3' : '5'), 'tries'),
    idleMs: parseDurationMs(idle) ?? refuse(`--idle ${idle}: not a duration such as 5m`),
    agents: count(values.agents ?? (quick ? '50' : '1000'), 'agents'),
    concerned: count(values.concerned ?? (quick ? '10' : '100'), 'concerned'),
    clusters: count(values.clusters ?? (quick ? '10' : '100'), 'clusters'),
    runs: count(values.runs ?? (quick ? '5' : '100'), 'runs'),
    placements: count(values.placements ?? (quick ? '20' : '1000'), 'placements'),
    out: values.out ?? 'bench.jsonl',
    profiles: values.profiles,
    agentFlags: (values['agent-flags'] ?? '').split(' ').filter((flag) => flag !== ''),
    help: values.help === true,
  }
}

function parse(args: readonly string[]) {
  const text = { type: 'string' } as const
  const flag = { type: 'boolean' } as const
  const options = {
    quick: flag,
    help: flag,
    n: text,
    agents: text,
    clusters: text,
    concerned: text,
    runs: text,
    placements: text,
    idle: text,
    tries: text,
    out: text,
    profiles: text,
    'agent-flags': text,
  }
  try {
    return parseArgs({ args: [...args], allowPositionals: true, options })
  } catch (error) {
    throw new FleetError('invalid', `${error instanceof Error ? error.message : error}\n${USAGE}`)
  }
}

function refuse(why: string): never {
  throw new FleetError('invalid', `${why}.\n${USAGE}`)
}
