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
    .object({
      allowed: z.int().min(0).describe('Clusters that the tenant may use.'),
      failed: z.int().min(0).describe('Those that could not set it up.'),
      ready: z.int().min(0).describe('Those where namespaces, ServiceAccounts and RoleBindings are there.'),
      waiting: z.int().min(0).describe('Those that have been connected and have not answered yet.'),
    })
    .exactOptional()
    .describe('How far the clusters of the tenant are.'),
  conditions: commonStatus.conditions,
  moreProblems: z.int().min(1).exactOptional().describe('Clusters that could not set the tenant up, beside those named.'),
  observedGeneration: commonStatus.observedGeneration,
  problems: z
    .array(z.object({ cluster: z.string().describe('Name of the cluster.'), message: z.string().describe('What is in the way there.') }))
    .max(10)
    .exactOptional()
    .describe('The first clusters that could not set the tenant up.'),
  ready: z.string().exactOptional().describe('Clusters that are set up, of all: 2/3.'),
})
export type TenantStatus = Infer<typeof tenantStatus>
