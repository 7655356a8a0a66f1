import { z } from 'zod'
import { accessFrom, duration, type Infer, localRef, shortDuration } from '../../resource/fields.ts'
import { sourceStatus } from './artifact.ts'
import { ociProvider } from './oci-repository.ts'

export const helmRepositorySpec = z.object({
  accessFrom: accessFrom.exactOptional().describe('Which namespaces may refer to this object; declared, never enforced by Flux.'),
  certSecretRef: localRef().exactOptional().describe('Secret with tls.crt and tls.key, ca.crt, or both.'),
  insecure: z.boolean().exactOptional().describe("Allow plain HTTP; with the type 'oci' only."),
  interval: duration().exactOptional().describe("How often the index is looked at; '1m' where absent."),
  passCredentials: z.boolean().exactOptional().describe('Pass credentials on to other hosts that the index names.'),
  provider: ociProvider.default('generic').describe("How to authenticate; with the type 'oci' only."),
  secretRef: localRef().exactOptional().describe('Secret with username and password.'),
  suspend: z.boolean().exactOptional().describe('Stop reconciling this object.'),
  timeout: shortDuration().exactOptional().describe("Time limit of fetching; '60s' where absent."),
  type: z.enum(['default', 'oci']).exactOptional().describe("'oci' makes this a place to look charts up in, without index and status."),
  url: z
    .string()
    .regex(/^(http|https|oci):\/\/.*$/)
    .describe('Address of the repository.'),
})
export type HelmRepositorySpec = Infer<typeof helmRepositorySpec>

export const helmRepositoryStatus = z.object({
  ...sourceStatus,
  url: z.string().exactOptional().describe('Link to the current artifact.'),
})
export type HelmRepositoryStatus = Infer<typeof helmRepositoryStatus>
