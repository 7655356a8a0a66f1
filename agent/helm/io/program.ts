import { FleetError } from '../../../proto/base/errors.ts'
import type { HelmLimits, HelmPool } from '../../../proto/helm/pool.ts'
import type { HelmAction, HelmKube, HelmOutcome } from '../../../proto/helm/protocol.ts'
import type { Subject } from '../../kube/subject.ts'
import type { KubeTarget } from '../../kube/target.ts'

/** Helm as one ServiceAccount. It cannot be made without a subject. */
export interface Helm {
  readonly subject: Subject
  run(action: HelmAction, limits: HelmLimits): Promise<HelmOutcome>
}

/** Lends Helm the agent's connection to its API server, always in somebody's name. Credentials go over the program's stdin only. */
export function openHelm({ target, pool }: { readonly target: KubeTarget; readonly pool: HelmPool }): (subject: Subject) => Helm {
  return (subject) => {
    if (!/^system:serviceaccount:[^:]+:[^:]+$/.test(subject)) throw new FleetError('forbidden', 'run helm: no ServiceAccount was named')
    return {
      subject,
      run: async (action, limits) => pool.run({ ...action, kube: await accessOf(target, subject) }, limits),
    }
  }
}

async function accessOf(target: KubeTarget, as: Subject): Promise<HelmKube> {
  const token = await target.token?.()
  return {
    server: target.server,
    as,
    ...(target.ca ? { caData: target.ca } : {}),
    ...(target.cert ? { certData: target.cert } : {}),
    ...(target.key ? { keyData: target.key.reveal() } : {}),
    ...(target.serverName ? { serverName: target.serverName } : {}),
    ...(target.insecure ? { insecure: true } : {}),
    ...(token ? { token: token.reveal() } : {}),
  }
}
