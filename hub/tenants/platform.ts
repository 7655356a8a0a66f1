import type { Manifest } from '../../proto/model/manifest.ts'
import { FLEET_GROUP, FLEET_VERSION, PLATFORM_ACCOUNT, PLATFORM_NAMESPACE, PLATFORM_TENANT } from '../../proto/model/names.ts'

/** The hub's own tenant, made at its first start: `flux-system` and the administrators of the hub. */
export function platformTenant(): Manifest {
  return {
    apiVersion: `${FLEET_GROUP}/${FLEET_VERSION}`,
    kind: 'Tenant',
    metadata: { name: PLATFORM_TENANT },
    spec: { namespaces: [PLATFORM_NAMESPACE], clusters: { all: true }, clusterRole: 'cluster-admin', serviceAccount: PLATFORM_ACCOUNT },
  }
}
