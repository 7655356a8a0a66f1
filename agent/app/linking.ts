import { join } from 'node:path'
import { refKey } from '../../proto/model/object-ref.ts'
import { VERSION } from '../../proto/model/version.ts'
import { secretsOf } from '../mirror/credential.ts'
import type { Waking } from '../reconcile/waking.ts'
import type { ClusterFacts } from '../session/io/cluster-facts.ts'
import { type HubLine, openHubLine } from '../session/io/hub-line.ts'
import type { Parts } from './parts.ts'

const CAPABILITIES = [
  ...['git-repository', 'oci-repository', 'bucket', 'helm-repository', 'helm-chart', 'kustomization', 'helm-release'],
  ...['calls', 'diffs', 'tenants', 'placements', 'health', 'release-health'],
]

/** The line to the hub. All work goes on without it. */
export function openHub(parts: Parts, { facts, work }: { readonly facts: ClusterFacts; readonly work: Waking }): HubLine {
  const { authority, clock, config, connection, flux, log, random, reporting, store, tenure } = parts
  const { holdings } = store
  return openHubLine({
    ...{ hub: config.hub, hubCaFile: config.hubCaFile, joinTokenFile: config.joinTokenFile, clusterName: config.clusterName },
    ...{ folder: join(config.dataDir, 'identity'), agentVersion: VERSION, capabilities: CAPABILITIES, clock, random, log },
    async clusterUid(signal) {
      const home = await connection.own.get({ apiVersion: 'v1', kind: 'Namespace', name: 'kube-system' }, { signal })
      return home?.metadata.uid ?? ''
    },
    ports: {
      holdings: { cursor: () => holdings.current().cursor, facts: () => holdings.facts(), save: (batch) => holdings.save(batch) },
      carryOut: (call) => flux.desk.carryOut(call),
      pulse: () => reporting.pulse(),
      boot: () => tenure.boot,
      facts: () => ({
        ...facts.current(),
        agentVersion: VERSION,
        mode: authority.rules.adoption().kind === 'acting' ? 'active' : 'observing',
      }),
      welcomed({ hubKey }) {
        flux.credentials.sealTo(hubKey)
        for (const { ref } of flux.mirror.all()) {
          const source = flux.source(refKey(ref))
          if (source && secretsOf(source).length > 0) reporting.object(refKey(ref))
        }
        reporting.start()
        work.everything()
      },
      resync: (object) => reporting.again(object && refKey(object)),
      renewed: (credentials) => reporting.use(credentials),
    },
  })
}
