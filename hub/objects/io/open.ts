import { randomUUID } from 'node:crypto'
import type { Clock } from '../../../proto/base/clock.ts'
import type { Log } from '../../../proto/base/log.ts'
import type { Db } from '../../db/db.ts'
import { ObjectFeed } from '../feed.ts'
import { createObjectService, type ObjectService } from '../service.ts'
import { Hints } from './hints.ts'
import { cachedLineage } from './lineage.ts'
import { createNewsReader } from './news.ts'
import { createObjectStore } from './store.ts'

/** The object store of a database and the one reader of its news; closing it ends every watch. */
export interface Objects extends AsyncDisposable {
  readonly service: ObjectService
}

export function openObjects(deps: { readonly db: Db; readonly clock: Clock; readonly log: Log }): Objects {
  const { db, clock, log } = deps
  const lineage = cachedLineage(db)
  const hints = new Hints({ db, clock })
  const store = createObjectStore({ db, lineage })
  const feed = new ObjectFeed({ store, news: createNewsReader({ db, lineage, hints }), clock, log })
  return {
    service: createObjectService({ store, watch: (query, options) => feed.watch(query, options), clock, newUid: randomUUID }),
    async [Symbol.asyncDispose]() {
      await feed[Symbol.asyncDispose]()
      await hints[Symbol.asyncDispose]()
    },
  }
}
