import { execFile } from 'node:child_process'
import { readdirSync, readFileSync } from 'node:fs'
import { cp, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { attachControlPlane } from '../../deploy/local/control-plane.ts'
import { readWorld } from '../../deploy/local/world-home.ts'
import { silentLog } from '../../proto/base/log.ts'
import type { Manifest } from '../../proto/model/manifest.ts'
import { eventually } from '../support/eventually.ts'
import { aConfigMap, aGitRepository, aKustomization, readyOf, yaml } from '../support/flux.ts'
import { git, type TestRepository } from '../support/git-repository.ts'
import { openWorld, type TestWorld } from '../support/world.ts'

// What must survive: each against real processes that are killed, stopped or set back.

const ONE = 'one'
/** Longer than a heartbeat, short enough to see a certificate end. */
const CERTIFICATE_LIFE_MS = 40_000
let world: TestWorld
let fleet: TestRepository
let count = 0

beforeAll(async () => {
  world = await openWorld([ONE], { FLOTILLA_CERTIFICATE_LIFE: `${CERTIFICATE_LIFE_MS / 1000}s` })
  fleet = await world.repository('fleet')
  await fleet.commit({ 'apps/value.yaml': yaml(aConfigMap('value', { value: 'v0' })) })
  await world.kubectl(
    ONE,
    ['apply', '-f', '-'],
    yaml(aGitRepository('fleet', world.url('fleet'), { interval: '5s' }), aKustomization('apps', 'fleet', './apps')),
  )
  await arrives('v0')
})
afterAll(async () => {
  if (process.env.KEEP_LOGS) await cp(join(world.dir, 'logs'), process.env.KEEP_LOGS, { recursive: true })
  await world[Symbol.asyncDispose]()
})

const data = async (name = 'value') =>
  ((await world.get(ONE, 'configmap', name, 'default')) as { data?: Record<string, string> } | undefined)?.data?.value
const arrives = (value: string, timeoutMs = 60_000) =>
  eventually(`${value} is in the cluster`, async () => (await data()) === value, { timeoutMs })
const commitValue = async () => {
  const value = `v${++count}`
  await fleet.commit({ 'apps/value.yaml': yaml(aConfigMap('value', { value })) })
  return value
}
const statusOf = async (kind: string, name: string) =>
  (await world.get(ONE, kind, name, 'flux-system'))?.status as Record<string, never> | undefined
const connected = (yes: boolean) =>
  eventually(
    `the agent is ${yes ? '' : 'not '}connected`,
    async () => (await world.viaHub('fleet', ['get', 'cluster', ONE, '-o', 'jsonpath={.status.connection.connected}'])) === String(yes),
    {
      timeoutMs: 60_000,
    },
  )
const drift = async () => {
  const right = await data()
  await world.kubectl(ONE, ['patch', 'configmap', 'value', '-n', 'default', '--type=merge', '-p', '{"data":{"value":"drifted"}}'])
  await eventually('drift is undone', async () => (await data()) === right, { timeoutMs: 10_000 })
}
/** Ids of the events about `apps` in the cluster, as the hub is told them: a repeated one counts up. */
const eventIds = async () => {
  const text = await world.kubectl(ONE, ['get', 'events', '-n', 'flux-system', '--field-selector=involvedObject.name=apps', '-o', 'json'])
  const { items } = JSON.parse(text) as { items: { metadata: { uid: string }; count: number }[] }
  return items.map(({ metadata: { uid }, count }) => (count === 1 ? uid : `${uid}.${count}`))
}
const pidsNamed = (name: string) =>
  readdirSync('/proc').flatMap((pid) => {
    if (!/^\d+$/.test(pid)) return []
    try {
      const command = readFileSync(`/proc/${pid}/cmdline`, 'utf8')
      return command.includes(name) && command.includes(join(world.dir, 'hub')) ? [Number(pid)] : []
    } catch {
      return []
    }
  })

test('the hub is killed in the middle of a sync: drift is still undone, and the commit arrives when it is back', async () => {
  const value = await commitValue()
  await world.kill('hub')
  await drift()
  await world.start('hub')
  await arrives(value)
  await arrives(await commitValue())
})

test('the hub sleeps and wakes: nothing is lost', async () => {
  const pid = world.pid('hub')
  if (pid === undefined) throw new Error('the hub does not run')
  process.kill(pid, 'SIGSTOP')
  const value = await commitValue()
  await drift()
  process.kill(pid, 'SIGCONT')
  await arrives(value)
})

test('the agent is killed in the middle of an apply: another start goes on', async () => {
  const many = Array.from({ length: 60 }, (_, at) => [`many/m${at}.yaml`, yaml(aConfigMap(`many-${at}`, { value: 'there' }))])
  await fleet.commit(Object.fromEntries(many))
  await world.kubectl(ONE, ['apply', '-f', '-'], yaml(aKustomization('many', 'fleet', './many')))
  await eventually('the apply has begun', async () => (await data('many-0')) === 'there')
  await world.kill(`agent-${ONE}`)
  await world.start(`agent-${ONE}`)
  await eventually('all of it is there', async () => (await data('many-59')) === 'there', { timeoutMs: 60_000 })
  await eventually(
    'and it is ready',
    async () => readyOf(await world.get(ONE, 'kustomization', 'many', 'flux-system'))?.status === 'True',
    { timeoutMs: 60_000 },
  )
})

test('the agent starts without the hub: it goes on from its disk', async () => {
  await world.stop('hub')
  await world.kill(`agent-${ONE}`)
  await world.start(`agent-${ONE}`)
  await eventually(
    'drift is undone without the hub',
    async () => {
      await world.kubectl(ONE, ['patch', 'configmap', 'value', '-n', 'default', '--type=merge', '-p', '{"data":{"value":"drifted"}}'])
      return eventually('it is back', async () => (await data()) !== 'drifted', { timeoutMs: 10_000 })
    },
    { timeoutMs: 60_000 },
  )
  const before = await eventIds()
  await drift()
  const news = await eventually('there is an event of it', async () => {
    const found = (await eventIds()).filter((id) => !before.includes(id))
    return found.length > 0 && found
  })
  await world.kill(`agent-${ONE}`)
  await world.start('hub')
  await world.start(`agent-${ONE}`)
  await arrives(await commitValue())
  await eventually('the event of then is with the hub', async () => {
    const { stdout } = await world.flotilla(['events', '--cluster', ONE, '-A', '-o', 'json'])
    return news.every((id) => stdout.includes(id))
  })
})

test('NATS is away and comes back: reports catch up', async () => {
  const [nats] = pidsNamed('nats-server')
  expect(nats).toBeDefined()
  process.kill(Number(nats), 'SIGSTOP')
  const value = await commitValue()
  await arrives(value)
  process.kill(Number(nats), 'SIGCONT')
  const revision = (await statusOf('kustomization', 'apps'))?.lastAppliedRevision
  await eventually(
    'the hub knows the revision',
    async () =>
      (await world.viaHub(ONE, ['get', 'kustomization', 'apps', '-n', 'flux-system', '-o', 'jsonpath={.status.lastAppliedRevision}'])) ===
      revision,
    { timeoutMs: 60_000 },
  )
})

test('Postgres is killed: it is started again, and the next commit arrives', async () => {
  const pid = Number(readFileSync(join(world.dir, 'hub', 'postgres', 'data', 'postmaster.pid'), 'utf8').split('\n')[0])
  process.kill(pid, 'SIGKILL')
  await arrives(await commitValue())
})

test('the API server of a cluster is restarted: its agent goes on', async () => {
  const options = { name: ONE, dir: join(world.dir, 'clusters', ONE), tools: readWorld(world.dir).tools, log: silentLog }
  await using plane = attachControlPlane(options)
  await plane.restart('kube-apiserver', { signal: AbortSignal.timeout(60_000), kill: true })
  await eventually('the API server answers', async () => (await data()) !== undefined, { timeoutMs: 60_000 })
  await arrives(await commitValue())
  await drift()
})

const certificate = () => readFileSync(join(world.dir, 'agents', ONE, 'data', 'identity', 'credentials.json'), 'utf8')

/** With owners: the server's files are not ours where the tests run as root. */
const copy = (from: string, to: string) => promisify(execFile)('cp', ['-a', from, to])

test('the database is set back to an earlier state: everything is sent again, and nothing is deleted', async () => {
  await world.stop('hub')
  const postgres = join(world.dir, 'hub', 'postgres')
  await copy(postgres, `${postgres}-earlier`)
  const certificateThen = certificate()
  await world.start('hub')
  const value = await commitValue()
  await arrives(value)
  await fleet.commit({ 'extra/x.yaml': yaml(aConfigMap('extra', { value: 'kept' })) })
  await world.kubectl(ONE, ['apply', '-f', '-'], yaml(aKustomization('extra', 'fleet', './extra')))
  await eventually('extra is there', async () => (await data('extra')) === 'kept')
  const uid = (await world.get(ONE, 'configmap', 'extra', 'default'))?.metadata.uid
  await eventually('the agent has a certificate that the earlier state does not know', async () => certificate() !== certificateThen, {
    timeoutMs: 2 * CERTIFICATE_LIFE_MS,
  })
  await world.stop('hub')
  await rm(postgres, { recursive: true })
  await copy(`${postgres}-earlier`, postgres)
  await world.start('hub')
  await connected(true)
  await arrives(await commitValue())
  expect((await world.get(ONE, 'configmap', 'extra', 'default'))?.metadata.uid).toBe(uid)
  await eventually(
    'extra follows again',
    async () => {
      const [extra, apps] = [await statusOf('kustomization', 'extra'), await statusOf('kustomization', 'apps')]
      return extra?.lastAppliedRevision === apps?.lastAppliedRevision
    },
    { timeoutMs: 60_000 },
  )
})

test('the certificate ended while the agent was off: it comes back without a person', async () => {
  await world.stop(`agent-${ONE}`)
  await connected(false)
  const goneAt = Date.now() + CERTIFICATE_LIFE_MS + 1000
  await eventually('the certificate has ended', async () => Date.now() > goneAt, { timeoutMs: CERTIFICATE_LIFE_MS + 10_000, everyMs: 500 })
  await world.start(`agent-${ONE}`)
  await connected(true)
  await arrives(await commitValue())
})

test('a namespace is deleted together with the ServiceAccount: no finalizer hangs', async () => {
  await world.kubectl(ONE, ['create', 'namespace', 'doomed'])
  await world.kubectl(ONE, ['create', 'serviceaccount', 'worker', '-n', 'doomed'])
  await world.kubectl(ONE, ['create', 'rolebinding', 'worker', '-n', 'doomed', '--clusterrole=admin', '--serviceaccount=doomed:worker'])
  await world.kubectl(ONE, [
    'create',
    'rolebinding',
    'impersonate',
    '-n',
    'doomed',
    '--clusterrole=flotilla-impersonate',
    '--serviceaccount=flotilla-system:flotilla-agent',
  ])
  const policy = { data: { serviceAccounts: 'flux-system/flotilla-platform\ndoomed/worker\n' } }
  await world.kubectl(ONE, ['patch', 'configmap', 'flotilla-policy', '-n', 'flotilla-system', '--type=merge', '-p', JSON.stringify(policy)])
  await fleet.commit({ 'doomed/x.yaml': yaml(aConfigMap('x', { value: 'x' }, 'doomed')) })
  const source = { sourceRef: { kind: 'GitRepository', name: 'fleet', namespace: 'flux-system' }, serviceAccountName: 'worker' }
  await world.kubectl(ONE, ['apply', '-f', '-'], yaml(aKustomization('doomed', 'fleet', './doomed', source, 'doomed')))
  await eventually('it is applied', async () => (await world.get(ONE, 'configmap', 'x', 'doomed')) !== undefined, { timeoutMs: 60_000 })
  await world.kubectl(ONE, ['delete', 'namespace', 'doomed', '--wait=false'])
  await eventually('the namespace is gone', async () => (await world.get(ONE, 'namespace', 'doomed')) === undefined, { timeoutMs: 60_000 })
})

test('a definition and its custom resource in one commit, and a ConfigMap of 1 MB', async () => {
  const crd = {
    apiVersion: 'apiextensions.k8s.io/v1',
    kind: 'CustomResourceDefinition',
    metadata: { name: 'boats.example.com' },
    spec: {
      group: 'example.com',
      names: { kind: 'Boat', plural: 'boats' },
      scope: 'Namespaced',
      versions: [
        {
          name: 'v1',
          served: true,
          storage: true,
          schema: { openAPIV3Schema: { type: 'object', 'x-kubernetes-preserve-unknown-fields': true } },
        },
      ],
    },
  } as unknown as Manifest
  const boat = {
    apiVersion: 'example.com/v1',
    kind: 'Boat',
    metadata: { name: 'anna', namespace: 'default' },
    spec: { sails: 2 },
  } as unknown as Manifest
  await fleet.commit({ 'crd/all.yaml': yaml(boat, crd), 'large/large.yaml': yaml(aConfigMap('large', { value: 'x'.repeat(1_000_000) })) })
  await world.kubectl(ONE, ['apply', '-f', '-'], yaml(aKustomization('crd', 'fleet', './crd'), aKustomization('large', 'fleet', './large')))
  await eventually('the boat is there', async () => (await world.get(ONE, 'boats.example.com', 'anna', 'default')) !== undefined, {
    timeoutMs: 60_000,
  })
  await eventually('the large one is there', async () => (await data('large'))?.length === 1_000_000, { timeoutMs: 60_000 })
})

test('a repository is force-pushed, emptied, and gone: the last good state stays, and the reason is told', async () => {
  await git(fleet.path, ['update-ref', 'refs/heads/main', await git(fleet.path, ['rev-parse', 'main~3'])])
  await arrives(await commitValue())
  const last = await data()
  await git(fleet.path, ['update-ref', '-d', 'refs/heads/main'])
  const said = (pattern: RegExp) => async () => {
    const ready = readyOf(await world.get(ONE, 'gitrepository', 'fleet', 'flux-system'))
    return ready?.status === 'False' && pattern.test(ready.message)
  }
  await eventually('the empty repository is told', said(/./), { timeoutMs: 60_000 })
  await rm(fleet.path, { recursive: true })
  await eventually('the missing repository is told', said(/not found|404|does not exist/i), { timeoutMs: 60_000 })
  expect(await data()).toBe(last)
})
