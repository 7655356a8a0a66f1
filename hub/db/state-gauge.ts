import { Gauge, type Registry } from 'prom-client'

/** How many there are of each state. */
export type StateCounts = readonly { readonly state: string; readonly count: number }[]

/** A gauge by state whose counts are read when somebody asks. */
export function stateGauge(
  registry: Registry,
  { help, name, read }: { readonly name: string; readonly help: string; readonly read: () => Promise<StateCounts> },
): void {
  const gauge: Gauge = new Gauge({
    name,
    help,
    labelNames: ['state'],
    registers: [registry],
    collect: async (): Promise<void> => {
      const rows = await read()
      gauge.reset()
      for (const { count, state } of rows) gauge.set({ state }, count)
    },
  })
}
