import { z } from 'zod'
import { commonStatus, type Infer, instant, stringMap } from '../resource/fields.ts'

export const clusterSpec = z.object({
  approved: z.boolean().exactOptional().describe('Whether the cluster may take part; set by approval.'),
  variables: stringMap().exactOptional().describe('Values that Placements put into the objects of this cluster.'),
})
export type ClusterSpec = Infer<typeof clusterSpec>

const facts = z.object({
  agentVersion: z.string().exactOptional().describe('Version of the agent.'),
  capabilities: z.array(z.string()).exactOptional().describe('What the agent can do.'),
  kubernetesMinor: z.int().exactOptional().describe('Minor version of the API server: 35 of v1.35.2.'),
  kubernetesVersion: z.string().exactOptional().describe('Version of the API server.'),
  mode: z.enum(['active', 'observing']).exactOptional().describe("'observing' while Flux's own controllers run there."),
  nodes: z.int().exactOptional().describe('How many nodes there are.'),
})

const connection = z.object({
  connected: z.boolean().describe('True while the agent has a session with a hub that lives.'),
  lastReportAt: instant().exactOptional().describe('When the last report was taken in.'),
  replica: z.string().exactOptional().describe('The hub that holds the session.'),
  since: instant().exactOptional().describe('When it last became connected or disconnected.'),
})

const certificate = z.object({
  notAfter: instant().describe('When the certificate ends.'),
  serial: z.string().describe('Its serial number.'),
})

const objects = z.object({
  failing: z.int().describe('Flux objects that are not ready.'),
  ready: z.int().describe('Flux objects that are ready.'),
  suspended: z.int().describe('Flux objects that are suspended.'),
  total: z.int().describe('All Flux objects.'),
})

export const clusterStatus = z.object({
  certificate: certificate.exactOptional().describe("The agent's certificate."),
  conditions: commonStatus.conditions,
  connection: connection.exactOptional().describe('Whether the agent is there.'),
  facts: facts.exactOptional().describe('What the agent says about the cluster.'),
  id: z.string().exactOptional().describe('Id of the cluster, which never changes.'),
  objects: objects.exactOptional().describe('How its Flux objects are doing.'),
  observedGeneration: commonStatus.observedGeneration,
})
export type ClusterStatus = Infer<typeof clusterStatus>
