import { readFileSync } from 'node:fs'
import { connect, createServer, type Server } from 'node:net'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { fleetProgram, hubFiles } from '../../deploy/local/fleet-programs.ts'
import { freePorts } from '../../deploy/local/process/ports.ts'
import { Processes } from '../../deploy/local/process/processes.ts'
import { readWorld } from '../../deploy/local/world-home.ts'
import { eventually } from '../support/eventually.ts'
import { aConfigMap, aGitRepository, aKustomization, yaml } from '../support/flux.ts'
import type { TestRepository } from '../support/git-repository.ts'
import { openWorld, type TestWorld } from '../support/world.ts'

// Two hubs on one Postgres and one NATS; agents reach them through one address, as a load balancer gives it.

const ONE = 'one'
let world: TestWorld
let fleet: TestRepository
let balancer: Server
const doors: number[] = []

beforeAll(async () => {
  world = await openWorld([ONE])
  await world.stop(`agent-${ONE}`)
  doors.push(Number(hubFiles(world.dir).grpc.split(':')[1]), await startSecondHub())
  balancer = await openBalancer()
  const address = balancer.address()
  const program = fleetProgram(readWorld(world.dir), `agent-${ONE}`)
  const env = { ...program.env, FLOTILLA_HUB: `127.0.0.1:${typeof address === 'object' && address ? address.port : 0}` }
  await new Processes(world.dir).start({ ...program, env }, { signal: AbortSignal.timeout(30_000) })
  fleet = await world.repository('fleet')
})
afterAll(async () => {
  balancer?.close()
  await world?.[Symbol.asyncDispose]()
})

/** The second hub uses the servers that the first one started: they outlive it. */
async function startSecondHub(): Promise<number> {
  const { dir } = world
  const [grpc = 0, http = 0] = await freePorts(2)
  const hub = join(dir, 'hub')
  const password = readFileSync(join(hub, 'postgres', 'password'), 'utf8').trim()
  const port = readFileSync(join(hub, 'postgres', 'data', 'postmaster.pid'), 'utf8').split('\n')[3]
  const program = fleetProgram(readWorld(dir), 'hub')
  const env = {
    ...program.env,
    FLOTILLA_DATA_DIR: join(dir, 'hub-2'),
    FLOTILLA_GRPC_LISTEN: `127.0.0.1:${grpc}`,
    FLOTILLA_HTTP_LISTEN: `127.0.0.1:${http}`,
    FLOTILLA_DATABASE_URL: `postgres://flotilla:${password}@127.0.0.1:${port}/postgres`,
    FLOTILLA_NATS_URL: `tls://127.0.0.1:${program.env?.FLOTILLA_NATS_LISTEN?.split(':')[1]}`,
    FLOTILLA_MASTER_KEY: readFileSync(join(hub, 'master.key'), 'utf8').trim(),
  }
  const processes = new Processes(dir)
  await processes.start({ ...program, name: 'hub-2', env }, { signal: AbortSignal.timeout(30_000) })
  await processes.whenReady('hub-2', async () => processes.logTail('hub-2').includes('hub.ready'), { signal: AbortSignal.timeout(60_000) })
  return grpc
}

/** Forwards to the first door that answers. */
function openBalancer(): Promise<Server> {
  const server = createServer((client) => {
    client.on('error', () => undefined)
    const tryDoor = (index: number) => {
      const door = doors[index]
      if (door === undefined) return void client.destroy()
      const upstream = connect(door, '127.0.0.1')
      upstream.once('connect', () => {
        upstream.removeAllListeners('error')
        upstream.on('error', () => client.destroy())
        upstream.on('close', () => client.destroy())
        client.on('close', () => upstream.destroy())
        client.pipe(upstream).pipe(client)
      })
      upstream.once('error', () => tryDoor(index + 1))
    }
    tryDoor(0)
  })
  return new Promise((resolve) => server.listen(0, '127.0.0.1', () => resolve(server)))
}

const value = async () =>
  ((await world.get(ONE, 'configmap', 'value', 'default')) as { data?: Record<string, string> } | undefined)?.data?.value
const status = async () =>
  (await world.get(ONE, 'kustomization', 'apps', 'flux-system'))?.status as {
    readonly lastAppliedRevision?: string
    readonly history?: readonly { readonly totalReconciliations: number; readonly metadata?: Record<string, string> }[]
  }

test('a hub is killed: its agents move over, the next commit arrives, and nothing is applied twice', async () => {
  await fleet.commit({ 'apps/value.yaml': yaml(aConfigMap('value', { value: 'first' })) })
  await world.kubectl(
    ONE,
    ['apply', '-f', '-'],
    yaml(aGitRepository('fleet', world.url('fleet'), { interval: '5s' }), aKustomization('apps', 'fleet', './apps')),
  )
  await eventually('the first commit is there', async () => (await value()) === 'first', { timeoutMs: 60_000 })
  const uid = (await world.get(ONE, 'configmap', 'value', 'default'))?.metadata.uid
  await world.kill('hub')
  const revision = await fleet.commit({ 'apps/value.yaml': yaml(aConfigMap('value', { value: 'second' })) })
  await eventually('the second commit came through the other hub', async () => (await value()) === 'second', { timeoutMs: 60_000 })
  expect((await world.get(ONE, 'configmap', 'value', 'default'))?.metadata.uid).toBe(uid)
  await eventually('the revision is told', async () => (await status()).lastAppliedRevision === `main@sha1:${revision}`)
  expect((await status()).history?.[0]?.totalReconciliations).toBe(1)
})

test('the first hub comes back and takes its share again', async () => {
  await world.start('hub')
  await eventually(
    'it is ready',
    async () => (await world.viaHub('fleet', ['get', 'cluster', ONE, '-o', 'jsonpath={.status.connection.connected}'])) === 'true',
    { timeoutMs: 60_000 },
  )
  await fleet.commit({ 'apps/value.yaml': yaml(aConfigMap('value', { value: 'third' })) })
  await eventually('the third commit is there', async () => (await value()) === 'third', { timeoutMs: 60_000 })
})
