import { join } from 'node:path'
import { background, timed } from '../../proto/base/background.ts'
import { systemClock } from '../../proto/base/clock.ts'
import { systemRandom } from '../../proto/base/random.ts'
import type { HubConfig } from '../config.ts'
import { BucketFetcher } from '../sources/io/bucket/fetcher.ts'
import { openCredentials } from '../sources/io/credentials.ts'
import { createFetchers } from '../sources/io/fetchers.ts'
import { GitFetcher } from '../sources/io/git/fetcher.ts'
import { createChartFetcher } from '../sources/io/helm/chart-fetcher.ts'
import { IndexCache } from '../sources/io/helm/index-cache.ts'
import { createIndexFetcher } from '../sources/io/helm/index-fetcher.ts'
import { createOciFetcher } from '../sources/io/oci/fetcher.ts'
import { createSourceStore } from '../sources/io/store.ts'
import { openStored } from '../sources/io/stored.ts'
import { fetchedFrom } from '../sources/io/sweep.ts'
import { createSourceWorker } from '../sources/service.ts'
import type { Building } from './building.ts'
import type { Ground, Opening } from './ground.ts'
import type { Knowledge } from './knowledge.ts'
import { SOURCES_SUBJECT } from './reporting.ts'
import type { Rolling } from './rolling.ts'

const clock = systemClock
const random = systemRandom

/** From a repository to a tree. */
export function openFetching(config: HubConfig, given: Ground & Knowledge & Building & Rolling, { scope, log }: Opening) {
  const { db, bus, vault, desired, jobs, metrics, replica, rollouts } = given
  const git = scope.use(new GitFetcher({ folder: join(config.dataDir, 'git'), processes: config.fetchConcurrency }))
  const bucket = new BucketFetcher({ folder: join(config.dataDir, 'bucket') })
  const indexes = new IndexCache({ clock })
  const credential = openCredentials((id) => vault.credential(id))
  const fetcher = createFetchers({
    git,
    oci: createOciFetcher({ folder: join(config.dataDir, 'oci') }),
    bucket,
    index: createIndexFetcher({ indexes }),
    chart: createChartFetcher({ indexes, git, bucket, credential, stored: openStored(db) }),
  })
  const sources = createSourceWorker({
    store: createSourceStore({ db, replica }),
    fetcher: {
      fetch: (request, use, options) => timed(clock, metrics.looked, () => fetcher.fetch(request, use, options)),
    },
    credential,
    moved: async (key, outcome) => {
      if (outcome !== 'unchanged') rollouts.moved([key])
      if ((await desired.due(key)).length > 0) await jobs.add('settle', key)
    },
    clock,
    random,
    log: log.child({ concept: 'sources' }),
    allow: config.fetchAllow,
    concurrency: config.fetchConcurrency,
  })
  background(
    scope,
    (signal) => sources.run(signal),
    (error) => log.error({ event: 'sources.ended', err: error }, 'sources are not looked at any more'),
  )
  scope.use(
    bus.subscribe(
      SOURCES_SUBJECT,
      (bytes) => void sources.poke(...(JSON.parse(Buffer.from(bytes).toString()) as string[])).catch(() => undefined),
    ),
  )
  const inUse = () => fetchedFrom(db)
  return { sources, sweepCaches: async () => void (await Promise.all([git.sweep(inUse), bucket.sweep(inUse)])) }
}
