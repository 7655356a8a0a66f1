import { randomBytes } from 'node:crypto'
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { PROGRAMS } from '../../deploy/local/cluster/programs.ts'
import { openControlPlane } from '../../deploy/local/control-plane.ts'
import { Processes } from '../../deploy/local/process/processes.ts'
import { isAlive } from '../../deploy/local/process/table.ts'
import { toolPath } from '../../deploy/tools/tools.mjs'
import { silentLog } from '../../proto/base/log.ts'
import { openSharedCluster, type TestCluster } from '../support/cluster.ts'
import { kubectl } from '../support/kubectl.ts'
import { openTempDir } from '../support/temp-dir.ts'

let shared: TestCluster
beforeAll(async () => {
  shared = await openSharedCluster()
})
afterAll(() => shared[Symbol.asyncDispose]())

const tools = () => ({ kubernetes: toolPath('kubernetes'), kwok: toolPath('kwok') })

test('brings a Deployment of three up, a Job to its end, and a namespace to its deletion', async () => {
  const namespace = await shared.createNamespace('things')
  await shared.kubectl(['create', 'deployment', 'web', '--image=web', '--replicas=3', '-n', namespace])
  await shared.kubectl(['wait', 'deployment/web', '--for=condition=Available', '--timeout=30s', '-n', namespace])
  await shared.kubectl(['create', 'job', 'once', '--image=once', '-n', namespace])
  await shared.kubectl(['wait', 'job/once', '--for=condition=Complete', '--timeout=30s', '-n', namespace])
  await shared.kubectl(['delete', 'namespace', namespace, '--timeout=60s'])
  expect(await shared.kubectl(['get', 'namespaces', '-o', 'name'])).not.toContain(namespace)
})

test('keeps a pod waiting that is labelled never-ready', async () => {
  const namespace = await shared.createNamespace('waits')
  await shared.kubectl(['run', 'stuck', '--image=web', '--labels=local.flotilla.dev/pod=never-ready', '-n', namespace])
  await shared.kubectl(['run', 'fine', '--image=web', '-n', namespace])
  await shared.kubectl(['wait', 'pod/fine', '--for=condition=Ready', '--timeout=30s', '-n', namespace])
  expect(await shared.kubectl(['get', 'pod', 'stuck', '-n', namespace, '-o', 'jsonpath={.status.phase}'])).toBe('Pending')
  await shared.kubectl(['delete', 'namespace', namespace, '--wait=false'])
})

test('a ServiceAccount kubeconfig has the rights of that account and no others', async () => {
  const namespace = await shared.createNamespace('rights')
  await shared.kubectl(['create', 'serviceaccount', 'reader', '-n', namespace])
  await shared.kubectl(['create', 'rolebinding', 'reader', '--clusterrole=view', `--serviceaccount=${namespace}:reader`, '-n', namespace])
  const reader = await shared.serviceAccountKubeconfig(namespace, 'reader')
  expect(await kubectl(reader, ['get', 'configmaps', '-o', 'name'])).toContain('kube-root-ca.crt')
  await expect(kubectl(reader, ['create', 'configmap', 'mine'])).rejects.toThrow(/cannot create resource "configmaps"/)
  await expect(kubectl(reader, ['get', 'configmaps', '-n', 'default'])).rejects.toThrow(/Forbidden/)
  await shared.kubectl(['delete', 'namespace', namespace, '--wait=false'])
})

test('continues with its data and address after an end, a kill of its programs, and a start on the same folder', async () => {
  await using dir = openTempDir('plane')
  const signal = AbortSignal.timeout(110_000)
  const options = { name: 'again', dir: dir.path, tools: tools(), signal, log: silentLog }
  const value = randomBytes(4).toString('hex')
  const pids: (number | undefined)[] = []
  let server = ''
  {
    await using plane = await openControlPlane(options)
    server = plane.server
    await kubectl(plane.kubeconfig, ['create', 'configmap', 'kept', `--from-literal=value=${value}`])
    await plane.restart('kube-apiserver', { signal, kill: true })
    pids.push(...PROGRAMS.map((name) => new Processes(dir.path).pid(name)))
  }
  expect(pids.filter((pid) => pid === undefined || isAlive(pid))).toEqual([])
  expect(existsSync(join(dir.path, 'pids', 'etcd.pid'))).toBe(false)
  // Nobody ends these: they are what a killed parent leaves behind, and the next start takes their place.
  await (await openControlPlane(options)).release()
  const left = Number(readFileSync(join(dir.path, 'pids', 'kube-apiserver.pid'), 'utf8'))
  await using plane = await openControlPlane(options)
  expect(isAlive(left)).toBe(false)
  expect(plane.server).toBe(server)
  expect(await kubectl(plane.kubeconfig, ['get', 'configmap', 'kept', '-o', 'jsonpath={.data.value}'])).toBe(value)
})

test('says which program failed, with its own words, when a program cannot start', async () => {
  await using dir = openTempDir('plane')
  const broken = { ...tools(), kubernetes: process.execPath }
  const opening = openControlPlane({ name: 'broken', dir: dir.path, tools: broken, signal: AbortSignal.timeout(30_000), log: silentLog })
  await expect(opening).rejects.toThrow(/start etcd: it ended at once[\s\S]*MODULE_NOT_FOUND/)
})
