import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client'

/** What the hub counts of itself; labels never grow with the fleet. */
export interface Metrics {
  readonly registry: Registry
  settled(seconds: number): void
  looked(seconds: number): void
  rendered(seconds: number): void
  /** One run of kustomize; what is found among earlier builds is none. */
  building<T>(build: () => Promise<T>): Promise<T>
  /** One bundle given to one cluster. */
  sent(bytes: number): void
  /** Reports folded in one transaction, and how long the newest of them waited. */
  folded(lagSeconds: number): void
}

const SECONDS = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60]

/** Opens the registry; `sessions` and `jobs` are read when somebody asks. */
export function openMetrics(read: { readonly sessions: () => number; readonly waitingJobs: () => Promise<number> }): Metrics {
  const registry = new Registry()
  collectDefaultMetrics({ register: registry })
  const registers = [registry]
  const settle = new Histogram({
    name: 'flotilla_reconcile_duration_seconds',
    help: 'Bringing what clusters should hold in line with a source.',
    buckets: SECONDS,
    registers,
  })
  const fetch = new Histogram({ name: 'flotilla_fetch_duration_seconds', help: 'Looking at a source.', buckets: SECONDS, registers })
  const build = new Histogram({
    name: 'flotilla_build_duration_seconds',
    help: 'Answering which bundles a tree has, builds included.',
    buckets: SECONDS,
    registers,
  })
  const lag = new Histogram({
    name: 'flotilla_report_lag_seconds',
    help: 'From a report in the stream to its fold.',
    buckets: SECONDS,
    registers,
  })
  const builds = new Counter({
    name: 'flotilla_builds_total',
    help: 'Kustomizations built; what was built before is not built again.',
    registers,
  })
  const bundles = new Counter({ name: 'flotilla_bundles_sent_total', help: 'Bundles given to clusters that lacked them.', registers })
  const bytes = new Counter({ name: 'flotilla_bundle_bytes_sent_total', help: 'Size of those bundles as they travel.', registers })
  const batches = new Counter({ name: 'flotilla_report_batches_total', help: 'Batches of reports folded.', registers })
  const sessions: Gauge = new Gauge({
    name: 'flotilla_sessions',
    help: 'Sessions of agents open at this replica.',
    registers,
    collect: () => sessions.set(read.sessions()),
  })
  const jobs: Gauge = new Gauge({
    name: 'flotilla_outbox_depth',
    help: 'Jobs that wait to be worked on.',
    registers,
    collect: async (): Promise<void> => jobs.set(await read.waitingJobs()),
  })
  return {
    registry,
    settled: (seconds) => settle.observe(seconds),
    looked: (seconds) => fetch.observe(seconds),
    rendered: (seconds) => build.observe(seconds),
    building(build) {
      builds.inc()
      return build()
    },
    sent(size) {
      bundles.inc()
      bytes.inc(size)
    },
    folded(lagSeconds) {
      lag.observe(Math.max(0, lagSeconds))
      batches.inc()
    },
  }
}
