import { join } from 'node:path'
import { type Agent, type AgentParts, openAgent } from '../../agent/app.ts'
import { hold } from '../../agent/cache/hold.ts'
import { openDisk } from '../../agent/cache/io/disk.ts'
import { NOTHING_HELD } from '../../agent/cache/model.ts'
import type { AgentConfig } from '../../agent/config.ts'
import { agentManifests } from '../../deploy/manifests/agent.ts'
import { manifestsYaml } from '../../deploy/manifests/yaml.ts'
import { toolPath } from '../../deploy/tools/tools.mjs'
import { sha256 } from '../../proto/base/hash.ts'
import { silentLog } from '../../proto/base/log.ts'
import type { DesiredFact, Fact, SourceStatusFact, TenantFact } from '../../proto/model/facts.ts'
import { buildOptions, CHART_OPTIONS, optionsDigest } from '../../proto/model/flux/build-options.ts'
import { fluxCrds } from '../../proto/model/flux/crds.ts'
import { AGENT_IDENTITY } from '../../proto/model/identities.ts'
import { type Manifest, refOf } from '../../proto/model/manifest.ts'
import type { ObjectRef } from '../../proto/model/object-ref.ts'
import { setDigest } from '../../proto/model/set-members.ts'
import type { TestCluster } from './cluster.ts'

/** Installs the Flux CRDs and the agent's shipped manifests, and gives a kubeconfig that acts as the agent and as nobody else. */
export async function installAgent(cluster: TestCluster): Promise<string> {
  const options = {
    clusterName: 'test',
    hub: { address: 'hub.example:8443', ca: 'PEM' },
    lockdown: false,
    namespaces: [],
    tenantClusterRoles: ['admin'],
  }
  await cluster.kubectl(['apply', '--server-side', '-f', '-'], { input: manifestsYaml([...fluxCrds(), ...agentManifests(options)]) })
  await cluster.kubectl(['wait', 'crd', '--all', '--for=condition=Established', '--timeout=30s'])
  return cluster.serviceAccountKubeconfig(AGENT_IDENTITY.namespace, AGENT_IDENTITY.name)
}

/** An agent in this process whose hub does not answer. */
export function openLoneAgent(o: { readonly kubeconfig: string; readonly dataDir: string } & Partial<AgentParts>): Promise<Agent> {
  const { kubeconfig, dataDir, ...over } = o
  const config: AgentConfig = {
    ...{ dataDir, hub: '127.0.0.1:9', hubCaFile: join(dataDir, 'none.pem'), clusterName: 'test', joinTokenFile: undefined },
    ...{ kubernetes: { kubeconfig }, concurrency: 8, programs: { helm: toolPath('flotilla-helm') }, logLevel: 'error' },
  }
  return openAgent(config, { log: silentLog, ...over })
}

/** What a hub would have said of one consumer. */
export interface Planted {
  readonly kustomization: Manifest
  /** YAML of the build, or why there is none. */
  readonly build: string | { readonly reason: string; readonly message: string }
}

/** Puts the hub's word into the folder of an agent that does not run, as its session would have. */
export async function plant(
  dataDir: string,
  source: ObjectRef,
  o: {
    readonly revision: string
    readonly consumers: readonly Planted[]
    readonly tenants?: readonly Omit<TenantFact, 'kind' | 'position'>[]
  },
): Promise<void> {
  const disk = await openDisk(dataDir, silentLog)
  const before = await disk.load()
  let position = before.cursor?.position ?? 0n
  const facts: Fact[] = []
  const desired: DesiredFact[] = []
  for (const { kustomization, build } of o.consumers) {
    const bundle = typeof build === 'string' ? sha256(build) : ''
    if (typeof build === 'string') await disk.putBundle(bundle, { encoding: 'identity', bytes: Buffer.from(build) })
    desired.push({
      kind: 'desired',
      object: refOf(kustomization),
      source,
      optionsDigest: optionsDigest(buildOptions(kustomization.spec as object)),
      content: typeof build === 'string' ? { bundle } : { problem: { ...build, stalled: false } },
      position: ++position,
    })
  }
  for (const tenant of o.tenants ?? []) facts.push({ kind: 'tenant', ...tenant, position: ++position })
  const members = desired.map(({ object, content }) => ({ object, content: 'bundle' in content ? content.bundle : '' }))
  facts.push(...desired, { kind: 'release', source, revision: o.revision, setDigest: setDigest(members), position: ++position })
  const { holdings } = hold(before.cursor ? before : NOTHING_HELD, {
    facts,
    cursor: { lineage: 'test', position },
    full: before.cursor === undefined,
  })
  await disk.save(holdings)
}

/** What a hub would have said of one HelmRelease: the archive of its chart, or why there is none. */
export interface PlantedRelease {
  readonly release: Manifest
  readonly chart: Uint8Array | { readonly reason: string; readonly message: string }
}

/** Puts the hub's word on a chart into the folder of an agent that does not run. */
export async function plantChart(
  dataDir: string,
  source: ObjectRef,
  { release, chart, revision }: PlantedRelease & { readonly revision: string },
): Promise<void> {
  const disk = await openDisk(dataDir, silentLog)
  const before = await disk.load()
  let position = before.cursor?.position ?? 0n
  const bundle = chart instanceof Uint8Array ? sha256(chart) : ''
  if (chart instanceof Uint8Array) await disk.putBundle(bundle, { encoding: 'identity', bytes: chart })
  const content = chart instanceof Uint8Array ? { bundle } : { problem: { ...chart, stalled: false } }
  const object = refOf(release)
  const desired: DesiredFact = {
    kind: 'desired',
    object,
    source,
    optionsDigest: optionsDigest(CHART_OPTIONS),
    content,
    position: ++position,
  }
  const facts: Fact[] = [
    desired,
    { kind: 'release', source, revision, setDigest: setDigest([{ object, content: bundle }]), position: ++position },
    chartStatus(source, { revision, position: ++position }),
  ]
  const cursor = { lineage: 'test', position }
  const { holdings } = hold(before.cursor ? before : NOTHING_HELD, { facts, cursor, full: before.cursor === undefined })
  await disk.save(holdings)
}

/** The hub has looked at the chart, whatever its generation is by now. */
function chartStatus(source: ObjectRef, at: Pick<SourceStatusFact, 'revision' | 'position'>): SourceStatusFact {
  return {
    kind: 'source-status',
    source,
    generation: Number.MAX_SAFE_INTEGER,
    artifactDigest: sha256(at.revision),
    artifactBytes: 1,
    artifactAt: new Date(0),
    problem: undefined,
    handledAt: '',
    ...at,
  }
}
