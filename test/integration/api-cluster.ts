import { readFileSync } from 'node:fs'
import { Agent, request } from 'undici'
import { parse } from 'yaml'
import { manifestsYaml } from '../../deploy/manifests/yaml.ts'
import type { CallCluster, ClusterCall } from '../../hub/api/ports.ts'
import { fluxCrds } from '../../proto/model/flux/crds.ts'
import { FLUX_KINDS } from '../../proto/model/flux/kinds.ts'
import { serviceAccountUser } from '../../proto/model/identities.ts'
import { openSharedCluster, type TestCluster } from '../support/cluster.ts'

/** A real cluster with the Flux kinds, and writes to it as an agent carries them out: under impersonation. */
export interface CallableCluster extends AsyncDisposable {
  readonly cluster: TestCluster
  readonly call: CallCluster
  /** Every call so far. */
  readonly calls: ClusterCall[]
}

export async function openCallableCluster(): Promise<CallableCluster> {
  const cluster = await openSharedCluster()
  await cluster.kubectl(['apply', '--server-side', '--force-conflicts', '-f', '-'], { input: manifestsYaml(fluxCrds()) })
  await cluster.kubectl(['wait', 'crd', '--all', '--for=condition=Established', '--timeout=30s'])
  const agent = new Agent({ connect: { ca: readFileSync(cluster.caFile, 'utf8') } })
  const { token } = (parse(readFileSync(cluster.kubeconfig, 'utf8')) as { users: [{ user: { token: string } }] }).users[0].user
  const calls: ClusterCall[] = []
  return {
    cluster,
    calls,
    async call(_clusterId, call, { signal }) {
      calls.push(call)
      const [namespace = '', name = ''] = call.as.split('/')
      const { contentType, method, url } = httpOf(cluster.server, call)
      const headers = {
        authorization: `Bearer ${token}`,
        'impersonate-user': serviceAccountUser({ namespace, name }),
        'content-type': contentType,
      }
      // Of a diff, what the agent begins with: the object is read as the caller.
      const body = method === 'GET' ? null : JSON.stringify(call.body ?? {})
      const answer = await request(url, { method, headers, body, signal, dispatcher: agent })
      return { code: answer.statusCode, body: await answer.body.json() }
    },
    async [Symbol.asyncDispose]() {
      await agent.close()
      await cluster[Symbol.asyncDispose]()
    },
  }
}

function httpOf(server: string, { apiVersion, dryRun, fieldManager, object, verb }: ClusterCall) {
  const plural = object.kind === 'Secret' ? 'secrets' : (FLUX_KINDS.find(({ kind }) => kind === object.kind)?.plural ?? '')
  const root = apiVersion === 'v1' ? 'api/v1' : `apis/${apiVersion}`
  const url = new URL(`${server}/${root}/namespaces/${object.namespace}/${plural}${verb === 'create' ? '' : `/${object.name}`}`)
  if (dryRun) url.searchParams.set('dryRun', 'All')
  if (verb !== 'delete') url.searchParams.set('fieldManager', fieldManager)
  const types = { 'patch-merge': 'application/merge-patch+json', 'patch-json': 'application/json-patch+json' }
  const contentType = verb === 'patch-merge' || verb === 'patch-json' ? types[verb] : 'application/json'
  const methods = { create: 'POST', update: 'PUT', delete: 'DELETE', 'patch-merge': 'PATCH', 'patch-json': 'PATCH', diff: 'GET' } as const
  const method = methods[verb]
  return { url, method, contentType }
}
