import type { Step } from '../step.ts'

const REPLICAS = 3

/** Somebody changes something by hand. */
export const drift: Step = {
  title: 'Drift',
  says: 'Somebody scales a Deployment to nothing with kubectl. The agent sees it by watch, not at the next interval.',
  deadlineMs: 30_000,
  async run(stage, signal) {
    const cluster = stage.cluster('production-eu')
    const has = (replicas: number) => () => cluster.deployment('web')?.replicas === replicas
    const scaled = cluster.when('web is scaled to 0', has(0), signal)
    const undone = scaled.then(() => cluster.when(`web has ${REPLICAS} replicas again`, has(REPLICAS), signal))
    const [scaledAt, undoneAt] = await Promise.all([
      scaled,
      undone,
      stage.kubectl(cluster, ['scale', 'deployment', 'web', '--namespace', 'shop', '--replicas', '0'], signal),
    ])
    stage.screen.told(`${cluster.name}: web has 0 replicas`, scaledAt)
    stage.screen.told(`${cluster.name}: web has ${REPLICAS} replicas again`, undoneAt)
    return { seen: `web in ${cluster.name}: ${REPLICAS} → 0 → ${REPLICAS} replicas`, ms: undoneAt - scaledAt }
  },
}
