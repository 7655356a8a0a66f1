import { z } from 'zod'
import { commonStatus, type Infer } from '../resource/fields.ts'
import { clusterChoice } from './clusters.ts'

const DNS_LABEL = /^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$/
const HOST = /^(\*\.)?[A-Za-z0-9]([-A-Za-z0-9.]*[A-Za-z0-9])?(:[0-9]{1,5})?$/

export const tenantSpec = z.object({
  clusterRole: z
    .string()
    .min(1)
    .max(253)
    .default('edit')
    .describe("ClusterRole that the tenant's ServiceAccount is bound to in each of its namespaces."),
  clusters: clusterChoice.describe('The clusters that the tenant may use.'),
  namespaces: z
    .array(z.string().regex(DNS_LABEL))
    .min(1)
    .max(100)
    .describe('The namespaces of the tenant, in every cluster that it may use.'),
  serviceAccount: z
    .string()
    .regex(DNS_LABEL)
    .default('flotilla-tenant')
    .describe('ServiceAccount in each namespace, as which everything of the tenant is done.'),
  sources: z
    .object({
      hosts: z
        .array(z.string().regex(HOST))
        .exactOptional()
        .describe(
          "Hosts that sources may be fetched from, '*.' for all below; every public one where absent, private ones only when named here.",
        ),
    })
    .exactOptional()
    .describe('Where sources of the tenant may come from.'),
})
export type TenantSpec = Infer<typeof tenantSpec>

export const tenantStatus = z.object({
  clusters: z
    .array(
      z.object({
        message: z.string().exactOptional().describe('What is missing there.'),
        name: z.string().describe('Name of the cluster.'),
        ready: z.boolean().describe('True when namespaces, ServiceAccounts and RoleBindings are there.'),
      }),
    )
    .exactOptional()
    .describe('The clusters that the tenant has, and whether they are set up.'),
  conditions: commonStatus.conditions,
  observedGeneration: commonStatus.observedGeneration,
  ready: z.string().exactOptional().describe('Clusters that are set up, of all: 2/3.'),
})
export type TenantStatus = Infer<typeof tenantStatus>
