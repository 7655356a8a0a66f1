import { cpuSeconds } from './processes.ts'

/** The programs that a figure is about, by pid. */
export interface Pids {
  readonly hub: number
  readonly agent: number
  readonly apiServer: number
  readonly etcd: number
  readonly controllers: number
}

/** CPU seconds used by each program and its children. */
export type Usage = Readonly<Record<keyof Pids, number>>

export function usageNow(pids: Pids): Usage {
  return each((name) => cpuSeconds(pids[name]))
}

export function usageBetween(before: Usage, after: Usage): Usage {
  return each((name) => after[name] - before[name])
}

function each(value: (name: keyof Pids) => number): Usage {
  return {
    hub: value('hub'),
    agent: value('agent'),
    apiServer: value('apiServer'),
    etcd: value('etcd'),
    controllers: value('controllers'),
  }
}
