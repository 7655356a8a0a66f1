import { afterAll, beforeAll, expect, test } from 'vitest'
import type { PlacementStatus } from '../../proto/model/fleet/placement.ts'
import type { Manifest } from '../../proto/model/manifest.ts'
import { type ClusterView, viewCluster } from '../support/cluster-view.ts'
import { eventually } from '../support/eventually.ts'
import { aConfigMap, aGitRepository, aKustomization, readyOf, yaml } from '../support/flux.ts'
import { openWorld, type TestWorld } from '../support/world.ts'

// A Placement from its creation to its end, over three clusters of two regions.

const NAME = 'web'
/** A variable of Placements, and one of the cluster's own substitution. */
const v = (path: string) => `\${cluster.${path}}`
const own = (name: string) => `\${${name}}`

let world: TestWorld
const views = new Map<string, ClusterView>()
const view = (cluster: string) => views.get(cluster) ?? viewCluster(world, cluster)

beforeAll(async () => {
  world = await openWorld(['eu-1', 'eu-2', 'us-1'])
  const repository = await world.repository('web')
  await repository.commit({
    'deploy/eu/one.yaml': yaml(
      aConfigMap('web', { region: 'eu', cluster: own('cluster_name'), size: own('cluster_variables_size:=none') }),
    ),
    'deploy/us/one.yaml': yaml(
      aConfigMap('web', { region: 'us', cluster: own('cluster_name'), size: own('cluster_variables_size:=none') }),
    ),
  })
  for (const cluster of ['eu-1', 'eu-2', 'us-1']) {
    views.set(cluster, viewCluster(world, cluster))
    await world.flotilla(['cluster', 'label', cluster, `region=${cluster.slice(0, 2)}`, 'tier=web'])
  }
})
afterAll(() => world[Symbol.asyncDispose]())

function placement(spec: { clusters: object; name?: string; objects?: readonly Manifest[]; onUnmatch?: string }): Manifest {
  const { clusters, name = NAME, onUnmatch = 'delete' } = spec
  const path = `./deploy/${v('labels.region')}`
  const substituteFrom = { postBuild: { substituteFrom: [{ kind: 'ConfigMap', name: 'flotilla-cluster-info' }] } }
  const objects = spec.objects ?? [
    withoutNamespace(aGitRepository(NAME, world.url('web'))),
    withoutNamespace(aKustomization(NAME, NAME, path, substituteFrom)),
  ]
  return {
    apiVersion: 'fleet.flotilla.dev/v1alpha1',
    kind: 'Placement',
    metadata: { name, namespace: 'flux-system' },
    spec: { clusters, objects, onUnmatch },
  }
}

function withoutNamespace({ metadata: { namespace: _, ...metadata }, ...rest }: Manifest): Manifest {
  return { ...rest, metadata } as Manifest
}

const apply = async (manifest: Manifest) => {
  const ran = await world.flotilla(['apply', '-f', '-'], yaml(manifest))
  expect(ran).toMatchObject({ code: 0 })
}
const read = async (name = NAME): Promise<Manifest | undefined> => {
  const ran = await world.flotilla(['get', 'placement', name, '-o', 'json'])
  if (ran.code === 0) return JSON.parse(ran.stdout) as Manifest
  // A hub that is away says nothing about what there is.
  expect(ran).toMatchObject({ code: 3 })
  return undefined
}
const statusOf = async (name = NAME) => (await read(name))?.status as PlacementStatus | undefined
/** After a hub was killed, agents take their time to come back. */
const AFTER_KILL = { timeoutMs: 90_000 }
const placed = (count: number, name = NAME, within = {}) =>
  eventually(
    `${name} is in ${count} clusters`,
    async () => {
      const object = await read(name)
      const status = object?.status as PlacementStatus | undefined
      const current = status?.observedGeneration === object?.metadata.generation
      return current && status?.clusters?.placed === count && readyOf(object)?.status === 'True' && status
    },
    within,
  )
const here = (cluster: string, kind = 'kustomization', name = NAME) => world.get(cluster, kind, name, 'flux-system')

test('puts its objects into every cluster that it chooses, with the values of each, and into no other', async () => {
  await apply(
    placement({ clusters: { matchLabels: { tier: 'web' }, matchExpressions: [{ key: 'region', operator: 'In', values: ['eu'] }] } }),
  )
  const status = await placed(2)
  expect(status.clusters).toMatchObject({ matched: 2, placed: 2, failed: 0, pending: 0, offline: 0, removing: 0 })
  for (const cluster of ['eu-1', 'eu-2']) {
    await view(cluster).ready('kustomization', NAME)
    expect(await view(cluster).data('web')).toEqual({ region: 'eu', cluster, size: 'none' })
  }
  expect(await here('us-1')).toBeUndefined()
})

test('what a Placement says no more goes from its objects', async () => {
  const saying = (more: object) =>
    placement({
      clusters: { names: ['eu-1'] },
      name: 'fewer',
      objects: [
        withoutNamespace({
          ...aGitRepository('fewer', world.url('web')),
          spec: { ...(aGitRepository('fewer', world.url('web')).spec as object), ...more },
        }),
      ],
    })
  await apply(saying({ suspend: true }))
  await placed(1, 'fewer')
  expect((await here('eu-1', 'gitrepository', 'fewer'))?.spec).toMatchObject({ suspend: true })
  await apply(saying({}))
  await eventually('it is not suspended any more', async () => {
    const spec = (await here('eu-1', 'gitrepository', 'fewer'))?.spec as { suspend?: boolean } | undefined
    return spec !== undefined && spec.suspend !== true
  })
  await world.flotilla(['delete', 'placement', 'fewer'])
  await eventually('it is gone', async () => !(await read('fewer')))
})

test('a cluster that is relabelled gains and loses the objects within seconds, and what they applied with them', async () => {
  await world.flotilla(['cluster', 'label', 'us-1', 'region=eu'])
  await eventually('us-1 has the objects', () => here('us-1'))
  await view('us-1').ready('kustomization', NAME)
  expect(await view('us-1').data('web')).toMatchObject({ region: 'eu', cluster: 'us-1' })
  await world.flotilla(['cluster', 'label', 'us-1', 'region=us'])
  await eventually('us-1 has lost the objects', async () => !(await here('us-1')) && !(await here('us-1', 'gitrepository')))
  expect(await view('us-1').data('web')).toBeUndefined()
  expect((await placed(2)).clusters).toMatchObject({ matched: 2, removing: 0 })
})

test('what somebody changed or deleted in the cluster is put back, and what the Placement does not say is left alone', async () => {
  const patch = (body: object) =>
    world.kubectl('eu-1', ['patch', 'kustomization', NAME, '-n', 'flux-system', '--type=merge', '-p', JSON.stringify(body)])
  await patch({ spec: { path: './elsewhere', suspend: true } })
  const back = await eventually('the path is back', async () => {
    const object = await here('eu-1')
    return (object?.spec as { path?: string } | undefined)?.path === './deploy/eu' && object
  })
  expect(back?.spec).toMatchObject({ suspend: true })
  await patch({ spec: { suspend: null } })
  await patch({ metadata: { annotations: { 'fleet.flotilla.dev/placement': null } } })
  await eventually('the annotation is back', async () => (await here('eu-1'))?.metadata.annotations?.['fleet.flotilla.dev/placement'])
  const { uid } = (await here('eu-1', 'gitrepository'))?.metadata ?? {}
  await world.kubectl('eu-1', ['delete', 'gitrepository', NAME, '-n', 'flux-system'])
  await eventually('the source is made anew', async () => {
    const now = (await here('eu-1', 'gitrepository'))?.metadata.uid
    return now !== undefined && now !== uid
  })
})

test('a cluster without a value is named with the variable, keeps what it has, and the others go on', async () => {
  await world.viaHub('fleet', [
    'patch',
    'cluster',
    'eu-2',
    '--type=merge',
    '-p',
    JSON.stringify({ spec: { variables: { size: 'large' } } }),
  ])
  await eventually('the cluster is told of its variable', async () => (await info('eu-2'))?.cluster_variables_size === 'large')
  const sized = aKustomization(NAME, NAME, `./deploy/${v('labels.region')}`, { targetNamespace: v('variables.size') })
  const warned = await world.flotilla(
    ['apply', '-f', '-'],
    yaml(placement({ clusters: { matchLabels: { region: 'eu' } }, objects: [aGitRepository(NAME, world.url('web')), sized] })),
  )
  expect(warned).toMatchObject({ code: 0 })
  const status = await eventually('the status names the cluster', async () => {
    const now = await statusOf()
    return now?.clusters?.failed === 1 && now.clusters.placed === 1 && now
  })
  expect(status.problems).toEqual([
    {
      cluster: 'eu-1',
      object: `Kustomization/flux-system/${NAME}`,
      message: `${v('variables.size')} has no value: the cluster has no size in spec.variables`,
    },
  ])
  expect((await here('eu-2'))?.spec).toMatchObject({ targetNamespace: 'large' })
  expect((await here('eu-1'))?.spec).not.toHaveProperty('targetNamespace')
  const explained = await world.flotilla(['placement', 'explain', NAME])
  expect(explained.stdout).toMatch(/eu-1 +failed +Kustomization\/flux-system\/web: \$\{cluster.variables.size\} has no value/)
  expect(explained.stdout).toMatch(/us-1 +left-out +its label region is "us", not eu/)
  await apply(placement({ clusters: { matchLabels: { region: 'eu' } } }))
  await placed(2)
})

const info = async (cluster: string) => view(cluster).data('flotilla-cluster-info', 'flux-system')

test('a variable that no cluster has is a warning that names it, and an empty selector is refused', async () => {
  const objects = [aGitRepository('odd', v('variables.nowhere'))]
  const file = yaml(placement({ name: 'odd', clusters: { names: ['eu-1'] }, objects }))
  const warned = await world.viaHub('fleet', ['create', '--dry-run=server', '-f', '-'], file)
  expect(warned).toContain('odd')
  const ran = await world.flotilla(['apply', '-f', '-'], file)
  expect(ran.stderr).toContain(`${v('variables.nowhere')} has a value in no cluster`)
  expect(await world.flotilla(['delete', 'placement', 'odd'])).toMatchObject({ code: 0 })
  const empty = await world.flotilla(['apply', '-f', '-'], yaml(placement({ name: 'empty', clusters: {} })))
  expect(empty.code).not.toBe(0)
  expect(empty.stderr).toContain('spec.clusters: say which clusters')
})

test('the second Placement over an object is refused and names the first, and takes over when that has let go', async () => {
  const objects = [withoutNamespace(aGitRepository(NAME, world.url('web'), { interval: '7m' }))]
  await apply(placement({ name: 'second', clusters: { names: ['eu-1'] }, objects }))
  const status = await eventually('the second is refused', async () => {
    const now = await statusOf('second')
    return now?.clusters?.failed === 1 && now
  })
  expect(status.problems?.[0]).toEqual({
    cluster: 'eu-1',
    object: 'GitRepository/flux-system/web',
    message: 'Placement flux-system/web already gives the cluster this object',
  })
  await apply(placement({ clusters: { names: ['eu-2'] } }))
  await placed(1, 'second')
  expect((await here('eu-1', 'gitrepository'))?.spec).toMatchObject({ interval: '7m' })
  expect(await here('eu-1')).toBeUndefined()
  expect(await world.flotilla(['delete', 'placement', 'second'])).toMatchObject({ code: 0 })
  await eventually('the second is gone', async () => !(await read('second')) && !(await here('eu-1', 'gitrepository')))
})

test('an object that somebody else made is not adopted, unless they hand it over', async () => {
  await world.kubectl('eu-1', ['apply', '-f', '-'], yaml(aGitRepository(NAME, world.url('web'), { interval: '3m' })))
  await apply(placement({ clusters: { matchLabels: { region: 'eu' } } }))
  const status = await eventually('eu-1 refuses', async () => {
    const now = await statusOf()
    return now?.clusters?.failed === 1 && now
  })
  expect(status.problems?.[0]?.message).toContain('exists and was not made by this Placement')
  expect((await here('eu-1', 'gitrepository'))?.spec).toMatchObject({ interval: '3m' })
  await world.kubectl('eu-1', ['annotate', 'gitrepository', NAME, '-n', 'flux-system', `fleet.flotilla.dev/placement=flux-system/${NAME}`])
  await placed(2)
  expect((await here('eu-1', 'gitrepository'))?.spec).toMatchObject({ interval: '1m' })
})

test('a deleted Placement waits for every cluster to say that its objects are gone, and says for which', async () => {
  await placed(2)
  await world.stop('agent-eu-2')
  expect(await world.flotilla(['delete', 'placement', NAME])).toMatchObject({ code: 0 })
  await eventually('eu-1 has let go', async () => !(await here('eu-1')) && !(await here('eu-1', 'gitrepository')))
  const waiting = await eventually('it waits for eu-2', async () => {
    const object = await read()
    const now = object?.status as PlacementStatus | undefined
    return now?.clusters?.removing === 1 && now.problems && readyOf(object)
  })
  expect(waiting).toMatchObject({ status: 'False', reason: 'Deleting' })
  expect(waiting.message).toBe(
    'waits for 1 cluster to say that the objects are gone; eu-2: it is not connected; its objects are taken out when it is back',
  )
  await world.start('agent-eu-2')
  await eventually('the Placement is gone', async () => (await read()) === undefined)
  expect(await here('eu-2')).toBeUndefined()
  expect(await view('eu-2').data('web')).toBeUndefined()
})

test('with onUnmatch orphan the objects stay in the cluster, and the Placement goes', async () => {
  await apply(placement({ clusters: { expression: 'cluster.facts.kubernetesMinor > 20 && cluster.name == "eu-1"' }, onUnmatch: 'orphan' }))
  await placed(1)
  expect(await world.flotilla(['delete', 'placement', NAME])).toMatchObject({ code: 0 })
  await eventually('the Placement is gone', async () => (await read()) === undefined)
  expect(await here('eu-1')).toBeDefined()
})

test("a tenant's Placement reaches its own namespaces in the clusters that it may use, as the tenant's account", async () => {
  await world.flotilla(['tenant', 'create', 'shop', '--namespace', 'shop', 'shop-data', '--cluster', 'eu-1'])
  const theirs = { ...placement({ clusters: { all: true }, name: 'own' }), metadata: { name: 'own', namespace: 'shop' } }
  await apply(theirs)
  const mine = () => world.get('eu-1', 'kustomization', NAME, 'shop')
  const object = await eventually('the objects are in the first namespace of the tenant', mine)
  expect(object?.metadata.annotations).toMatchObject({ 'fleet.flotilla.dev/placement': 'shop/own' })
  expect(await world.get('eu-2', 'kustomization', NAME, 'shop')).toBeUndefined()
  const explained = await world.flotilla(['placement', 'explain', 'own', '-n', 'shop'])
  expect(explained.stdout).toMatch(/eu-2 +left-out +tenant shop may not use this cluster/)
  const foreign = [aGitRepository('foreign', world.url('web'), {}, 'flux-system')]
  const refused = await world.flotilla(['apply', '-f', '-'], yaml({ ...theirs, spec: { clusters: { all: true }, objects: foreign } }))
  expect(refused.stderr).toContain("spec.objects[0].metadata.namespace: flux-system is not one of tenant shop's namespaces")
  const plain = { ...theirs, spec: { clusters: { all: true }, objects: [aConfigMap('plain', {}, 'shop')] } }
  expect((await world.flotilla(['apply', '-f', '-'], yaml(plain))).stderr).toContain('v1 ConfigMap is no Flux kind')
  expect(await world.flotilla(['delete', 'tenant', 'shop'])).toMatchObject({ code: 0 })
  await eventually('nothing of the tenant is left', async () => (await mine()) === undefined)
})

test('a tenant whose account may only read is refused by the API server, in its own words', async () => {
  await world.flotilla(['tenant', 'create', 'readers', '--namespace', 'readers', '--cluster', 'eu-1', '--cluster-role', 'view'])
  const theirs = placement({ clusters: { all: true }, name: 'theirs' })
  await apply({ ...theirs, metadata: { name: 'theirs', namespace: 'readers' } })
  const problem = await eventually('the refusal is told', async () => {
    const ran = await world.flotilla(['get', 'placement', 'theirs', '-n', 'readers', '-o', 'json'])
    return ((JSON.parse(ran.stdout) as Manifest).status as PlacementStatus | undefined)?.problems?.[0]
  })
  expect(problem.message).toContain('User "system:serviceaccount:readers:flotilla-tenant" cannot patch resource')
  expect(await world.get('eu-1', 'kustomization', NAME, 'readers')).toBeUndefined()
  await world.flotilla(['delete', 'placement', 'theirs', '-n', 'readers'])
  await eventually('the Placement is gone', async () => (await world.flotilla(['get', 'placement', 'theirs', '-n', 'readers'])).code === 3)
  await world.flotilla(['delete', 'tenant', 'readers'])
})

test('neither a hub nor an agent that is killed in the middle leaves anything half done', async () => {
  const survivor = placement({
    clusters: { matchLabels: { region: 'eu' } },
    name: 'survivor',
    objects: [aGitRepository('survivor', world.url('web'))],
  })
  await apply(survivor)
  await world.kill('hub')
  await world.start('hub')
  await placed(2, 'survivor', AFTER_KILL)
  expect(await world.flotilla(['delete', 'placement', 'survivor'])).toMatchObject({ code: 0 })
  await world.kill('agent-eu-1')
  await world.kill('hub')
  await world.start('agent-eu-1')
  await world.start('hub')
  await eventually('the Placement is gone', async () => (await read('survivor')) === undefined, AFTER_KILL)
  for (const cluster of ['eu-1', 'eu-2']) expect(await here(cluster, 'gitrepository', 'survivor')).toBeUndefined()
})
