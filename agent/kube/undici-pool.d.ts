/** Only the pool: all of undici costs the agent 5 MiB more. */
declare module 'undici/lib/dispatcher/pool.js' {
  import { Pool } from 'undici'
  // biome-ignore lint/style/noDefaultExport: undici's own form
  export default Pool
}

/** What undici's index makes a method of every dispatcher. */
declare module 'undici/lib/api/api-request.js' {
  import type { Dispatcher } from 'undici'
  // biome-ignore lint/style/noDefaultExport: undici's own form
  export default function request(this: Dispatcher, options: Dispatcher.RequestOptions): Promise<Dispatcher.ResponseData>
}
