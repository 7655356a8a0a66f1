/** Only the pool: all of undici costs the agent 5 MiB more. */
declare module 'undici/lib/dispatcher/pool.js' {
  import { Pool } from 'undici'
  export default Pool
}
