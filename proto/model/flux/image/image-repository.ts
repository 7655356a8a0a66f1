import { z } from 'zod'
import { accessFrom, commonStatus, duration, type Infer, instant, localRef, shortDuration } from '../../resource/fields.ts'

export const imageRepositorySpec = z.object({
  accessFrom: accessFrom.exactOptional().describe('Which other namespaces may refer to this object.'),
  certSecretRef: localRef().exactOptional().describe('Secret with tls.crt and tls.key, ca.crt, or both.'),
  exclusionList: z.array(z.string()).max(25).default(['^.*\\.sig$']).describe('Regular expressions; tags that match one are left out.'),
  image: z.string().describe('Name of the image, without scheme and tag.'),
  insecure: z.boolean().exactOptional().describe('Allow plain HTTP.'),
  interval: duration().describe('How often the registry is scanned.'),
  provider: z.enum(['generic', 'aws', 'azure', 'gcp']).default('generic').describe('How to authenticate.'),
  proxySecretRef: localRef().exactOptional().describe('Secret with the proxy: address, username, password.'),
  secretRef: localRef().exactOptional().describe('Secret of type kubernetes.io/dockerconfigjson.'),
  serviceAccountName: z.string().max(253).exactOptional().describe('ServiceAccount with pull secrets or a workload identity.'),
  suspend: z.boolean().exactOptional().describe('Stop scanning.'),
  timeout: shortDuration().exactOptional().describe('Time limit of a scan; interval where absent.'),
})
export type ImageRepositorySpec = Infer<typeof imageRepositorySpec>

const scanResult = z.object({
  latestTags: z.array(z.string()).exactOptional().describe('The first ten tags in descending alphabetical order.'),
  revision: z.string().exactOptional().describe('Checksum of all tags.'),
  scanTime: instant().exactOptional().describe('When the scan was done.'),
  tagCount: z.int().describe('How many tags there are.'),
})

export const imageRepositoryStatus = z.object({
  ...commonStatus,
  canonicalImageName: z.string().exactOptional().describe('Full name of the image, with registry.'),
  lastScanResult: scanResult.exactOptional().describe('Result of the last scan.'),
  observedExclusionList: z.array(z.string()).exactOptional().describe('spec.exclusionList of the last scan.'),
})
export type ImageRepositoryStatus = Infer<typeof imageRepositoryStatus>
