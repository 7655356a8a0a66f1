import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { FleetError } from '../../../proto/base/errors.ts'
import { nowMs } from '../screen.ts'
import type { Stage } from '../stage.ts'
import type { Step } from '../step.ts'
import type { ClusterView } from '../view/cluster-view.ts'

const TEAM = 'team-a'
const EXAMPLE = join(import.meta.dirname, '../team-a')
/** Kubernetes' own words for what the tenant's account may not do. */
const REFUSAL = /system:serviceaccount:team-a:flotilla-tenant" cannot .* in the namespace "shop"/

/** A tenant reaches beyond its namespace. */
export const tenant: Step = {
  title: 'A tenant',
  says: 'Team A has a namespace in staging and a repository of its own. What it applies is applied as its own ServiceAccount.',
  deadlineMs: 90_000,
  async run(stage, signal) {
    const cluster = stage.cluster('staging')
    await settle(stage, cluster, signal)
    writeFileSync(join(stage.team.copy, 'not-theirs.yaml'), readFileSync(join(EXAMPLE, 'not-theirs.yaml')))
    stage.screen.command('git commit -m "free of charge" not-theirs.yaml && git push     # a ConfigMap in the namespace shop')
    const revision = await stage.team.push('free of charge', signal)
    const pushedAt = nowMs()
    const refused = cluster.when('the Kustomization of team A is refused', () => readyOf(cluster)?.status === 'False', signal)
    const [refusedAt] = await Promise.all([refused, look(stage, cluster, signal)])
    const { reason = '', message = '' } = readyOf(cluster) ?? {}
    stage.screen.told(`${cluster.name}: Ready=False ${reason}: ${message}`, refusedAt)
    if (!REFUSAL.test(message))
      throw new FleetError('internal', `Kubernetes should have refused ${revision} for its rights: ${reason}: ${message}`)
    const stray = await cluster.get({ apiVersion: 'v1', kind: 'ConfigMap', namespace: 'shop', name: 'not-theirs' }, signal)
    if (stray)
      throw new FleetError('internal', `the ConfigMap shop/not-theirs is in ${cluster.name}, although the team has no rights there`)
    stage.screen.told('nothing of it is in the namespace shop')
    return { seen: `refused by Kubernetes (${reason})`, ms: refusedAt - pushedAt }
  },
}

/** Makes the tenant, and has its own repository applied in its namespace. */
async function settle(stage: Stage, cluster: ClusterView, signal: AbortSignal): Promise<void> {
  await stage.flotilla(['tenant', 'create', TEAM, '--namespace', TEAM, '--cluster', cluster.name], { signal })
  const last = 'rolebinding/flotilla-impersonate'
  await stage.kubectl(cluster, ['wait', last, '--namespace', TEAM, '--for=create', '--timeout=60s'], signal)
  const revision = await stage.team.push('the blog of team A', signal)
  const file = join(stage.places.dir, 'work', 'team-a.yaml')
  writeFileSync(file, readFileSync(join(EXAMPLE, 'flux.yaml'), 'utf8').replace('TEAM_A_URL', stage.team.url))
  await stage.flotilla(['apply', '--filename', file, '--cluster', cluster.name], { signal })
  const isReady = () => readyOf(cluster)?.status === 'True' && cluster.kustomization(TEAM, TEAM)?.applied === revision
  const atMs = await cluster.when('the repository of team A is applied', isReady, signal)
  stage.screen.told(`${cluster.name}: the repository of team A is applied in its namespace`, atMs)
}

/** Has the hub look at the team's repository now. */
function look(stage: Stage, cluster: ClusterView, signal: AbortSignal): Promise<void> {
  const where = ['--namespace', TEAM, '--cluster', cluster.name]
  return stage.flotilla(['reconcile', 'source', 'git', TEAM, ...where, '--no-wait'], { signal })
}

const readyOf = (cluster: ClusterView) => cluster.kustomization(TEAM, TEAM)?.ready
