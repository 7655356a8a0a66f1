import type { Bar } from './bars.ts'

/** By number of clusters, or of pairs of Placement and cluster. */
const at = (n: number, value: number) => ({ [n]: value })
const said = (n: number, words: string) => ({ [n]: words })

const cost = (name: string, of: string): readonly Bar[] => [
  { figure: `${name}.rows`, words: `${of}: rows written` },
  { figure: `${name}.wal`, words: `${of}: bytes written (WAL)` },
  { figure: `${name}.statements`, words: `${of}: statements run` },
  { figure: `${name}.cpu.hub`, words: `${of}: CPU of the hub` },
  { figure: `${name}.cpu.postgres`, words: `${of}: CPU of Postgres` },
  { figure: `${name}.cpu.simulator`, words: `${of}: CPU of the simulator` },
  { figure: `${name}.memory.hub`, words: `${of}: memory of the hub, the most so far` },
]

/** In the order of the table; the bars are a tenth of what KubeFleet took. */
export const BARS_AT_SCALE: readonly Bar[] = [
  { figure: 'release.all', words: 'push → last report folded', bar: at(1000, 2), others: said(1000, 'p90 20 s') },
  ...cost('release', 'that commit'),
  { figure: 'release.wave.all', words: 'the same under a Rollout of one wave', bar: at(1000, 2), others: said(1000, 'p90 20 s') },
  ...cost('release.wave', 'that run'),
  { figure: 'waves.one.p50', words: 'a run of three waves alone, p50' },
  { figure: 'waves.one.p90', words: 'a run of three waves alone, p90', bar: at(100, 9.6), others: said(100, 'p90 96 s') },
  { figure: 'waves.one.max', words: 'a run of three waves alone, max' },
  ...cost('waves.one', 'one run'),
  { figure: 'waves.many.p50', words: 'many such runs at once, p50' },
  { figure: 'waves.many.p90', words: 'many such runs at once, p90', bar: at(100, 13.5), others: said(100, 'p90 135 s') },
  { figure: 'waves.many.max', words: 'many such runs at once, max' },
  ...cost('waves.many', 'all runs'),
  { figure: 'restart.ready', words: 'Placements made → everything reported Ready' },
  { figure: 'restart.present', words: 'push → reported by all, with everything present', others: said(100_000, 'p90 21 s') },
  ...cost('restart.present', 'that commit'),
  { figure: 'restart.up', words: 'kill -9 → the hub answers' },
  { figure: 'restart.live', words: 'kill -9 → last session live' },
  {
    figure: 'restart.all',
    words: 'kill -9 → a new commit is reported by all',
    bar: at(100_000, 67),
    others: said(100_000, 'p90 11 min 15 s'),
  },
  ...cost('restart', 'start and commit'),
  { figure: 'restart.every', words: 'push → reported by all, where every directory changed' },
  ...cost('restart.every', 'that commit'),
]
