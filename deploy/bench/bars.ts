/** What a figure is in words, the bar for it, and what others did: Flux's own controllers on a machine of the same kind. */
export interface Bar {
  readonly figure: string
  readonly words: string
  /** By N. */
  readonly bar?: Readonly<Record<number, number>>
  /** By N, in words. */
  readonly others?: Readonly<Record<number, string>>
}

const both = (value: number) => ({ 100: value, 500: value })

/** In the order of the table. */
export const BARS: readonly Bar[] = [
  { figure: 'limit.dry-run', words: "API server's own limit: dry-run of N × 4 objects" },
  { figure: 'limit.apply', words: "API server's own limit: apply of N × 4 objects" },
  { figure: 'sync.applied', words: 'objects of N Kustomizations put into the cluster' },
  { figure: 'sync.ready', words: 'apply → all Ready', bar: { 100: 4, 500: 22 }, others: { 100: '16–21 s', 500: '86–140 s' } },
  {
    figure: 'sync.requests',
    words: 'requests of the agent meanwhile, each Kustomization',
    bar: both(15),
    others: { 100: '34', 500: '34' },
  },
  { figure: 'sync.cpu.hub', words: 'CPU meanwhile: hub with its children' },
  { figure: 'sync.cpu.agent', words: 'CPU meanwhile: agent' },
  { figure: 'sync.cpu.apiServer', words: 'CPU meanwhile: API server' },
  { figure: 'sync.cpu.etcd', words: 'CPU meanwhile: etcd' },
  { figure: 'sync.cpu.controllers', words: 'CPU meanwhile: controller-manager' },
  { figure: 'sync.memory.agent', words: 'memory of the agent after it' },
  { figure: 'sync.memory.hub', words: 'memory of the hub after it' },
  { figure: 'commit.push', words: 'commit: git push took' },
  { figure: 'commit.changed', words: 'push → that object changed', bar: both(1), others: { 100: '2–17 s', 500: '14–19 s' } },
  { figure: 'commit.half', words: 'push → half of N report the revision', others: { 100: '8–10 s', 500: '40–54 s' } },
  { figure: 'commit.all', words: 'push → all N report the revision', bar: { 100: 2, 500: 5 }, others: { 100: '12–18 s', 500: '72–110 s' } },
  { figure: 'commit.cpu', words: 'CPU for that commit: hub + agent', bar: { 100: 1, 500: 4 }, others: { 100: '7–20 s', 500: '61–131 s' } },
  { figure: 'commit.cpu.hub', words: 'of it the hub with its children' },
  { figure: 'commit.cpu.agent', words: 'of it the agent' },
  { figure: 'commit.cpu.api', words: 'CPU for that commit: API server', bar: both(3), others: { 100: '14 s', 500: '67 s' } },
  { figure: 'commit.cpu.etcd', words: 'CPU for that commit: etcd' },
  { figure: 'commit.requests', words: 'requests of the agent for that commit' },
  {
    figure: 'commit.memory.agent',
    words: 'memory of the agent after commits',
    bar: both(100),
    others: { 100: '190–230 MiB', 500: '220–290 MiB' },
  },
  { figure: 'commit.memory.hub', words: 'memory of the hub after commits' },
  { figure: 'heal.back', words: 'deleted object back', bar: both(1), others: { 100: '16–40 s' } },
  { figure: 'idle.requests', words: 'idle: requests of the agent', others: { 100: '13 000', 500: 'saturated' } },
  { figure: 'idle.writes', words: 'idle: writes of the agent, its Lease apart', bar: both(0) },
  { figure: 'idle.cpu', words: 'idle: CPU of hub + agent', bar: both(2), others: { 100: '106 s', 500: 'saturated' } },
  { figure: 'idle.cpu.hub', words: 'of it the hub with its children' },
  { figure: 'idle.cpu.agent', words: 'of it the agent' },
  { figure: 'idle.cpu.apiServer', words: 'idle: CPU of the API server', bar: both(2), others: { 100: '74 s', 500: 'saturated' } },
  { figure: 'idle.cpu.apiServer.alone', words: 'of it without hub and agent there' },
  { figure: 'idle.cpu.etcd', words: 'idle: CPU of etcd' },
  { figure: 'idle.memory.agent', words: 'idle: memory of the agent', bar: both(100) },
  { figure: 'idle.memory.hub', words: 'idle: memory of the hub' },
  { figure: 'fleet.join', words: 'simulated agents: all have joined and are on NATS' },
  { figure: 'fleet.connect', words: 'all connected at once: last session live' },
  { figure: 'fleet.first', words: 'first sync: last agent has all bundles' },
  { figure: 'fleet.commit.half', words: 'push → half of the agents have the bundle' },
  { figure: 'fleet.commit.bundle', words: 'push → last agent has bundle and release' },
  { figure: 'fleet.commit.told', words: 'push → the hub shows the revision for all' },
  { figure: 'fleet.commit.cpu.hub', words: 'CPU of the hub for that commit' },
  { figure: 'fleet.commit.cpu.simulator', words: 'CPU of the simulator meanwhile' },
  { figure: 'fleet.reconnect', words: 'all reconnect at once: last session live' },
  { figure: 'fleet.idle.cpu.hub', words: 'CPU of the hub in 30 s without change' },
  { figure: 'fleet.memory.hub', words: 'memory of the hub' },
]
