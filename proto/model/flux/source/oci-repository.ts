import { z } from 'zod'
import { duration, type Infer, localRef, shortDuration } from '../../resource/fields.ts'
import { sourceStatus } from './artifact.ts'

const ref = z.object({
  digest: z.string().exactOptional().describe('Digest to pull; wins over all other fields.'),
  semver: z.string().exactOptional().describe('Range of versions; the highest tag in it is pulled. Wins over tag.'),
  semverFilter: z.string().exactOptional().describe('Regular expression that tags must match before the range is looked at.'),
  tag: z.string().exactOptional().describe("Tag to pull; 'latest' where nothing is given."),
})

const layerSelector = z.object({
  mediaType: z.string().exactOptional().describe('Media type of the layer; the first of this type is taken.'),
  operation: z.enum(['extract', 'copy']).exactOptional().describe("What to do with the layer: 'extract' (where absent) or 'copy'."),
})

const oidcIdentity = z.object({
  issuer: z.string().describe('Regular expression for the issuer.'),
  subject: z.string().describe('Regular expression for the subject.'),
})

/** Which signatures an OCI artifact must have. */
export const ociVerification = z.object({
  matchOIDCIdentity: z.array(oidcIdentity).exactOptional().describe('Identities that may have signed without keys; one must match.'),
  provider: z.enum(['cosign', 'notation']).default('cosign').describe('Technology of the signature.'),
  secretRef: localRef().exactOptional().describe('Secret with the trusted public keys.'),
  trustedRootSecretRef: localRef().exactOptional().describe('Secret with trusted_root.json of a private Sigstore.'),
})

export const ociProvider = z.enum(['generic', 'aws', 'azure', 'gcp'])

export const ociRepositorySpec = z.object({
  certSecretRef: localRef().exactOptional().describe('Secret with tls.crt and tls.key, ca.crt, or both.'),
  ignore: z.string().exactOptional().describe('Patterns as in .gitignore; they replace the built-in exclusions.'),
  insecure: z.boolean().exactOptional().describe('Allow plain HTTP.'),
  interval: duration().describe('How often the repository is looked at.'),
  layerSelector: layerSelector.exactOptional().describe('Which layer to take; the first where absent.'),
  provider: ociProvider.default('generic').describe('How to authenticate.'),
  proxySecretRef: localRef().exactOptional().describe('Secret with the proxy: address, username, password.'),
  ref: ref.exactOptional().describe("What to follow; the tag 'latest' where absent."),
  secretRef: localRef().exactOptional().describe('Secret of type kubernetes.io/dockerconfigjson.'),
  serviceAccountName: z.string().exactOptional().describe('ServiceAccount with pull secrets or a workload identity.'),
  suspend: z.boolean().exactOptional().describe('Stop reconciling this object.'),
  timeout: shortDuration().default('60s').describe('Time limit of remote operations.'),
  url: z
    .string()
    .regex(/^oci:\/\/.*$/)
    .describe('Address of the repository, without tag.'),
  verify: ociVerification.exactOptional().describe('Which signatures the artifact must have.'),
})
export type OCIRepositorySpec = Infer<typeof ociRepositorySpec>

export const ociRepositoryStatus = z.object({
  ...sourceStatus,
  observedIgnore: z.string().exactOptional().describe('spec.ignore of the current artifact.'),
  observedLayerSelector: layerSelector.exactOptional().describe('spec.layerSelector of the current artifact.'),
  url: z.string().exactOptional().describe('Link to the current artifact.'),
})
export type OCIRepositoryStatus = Infer<typeof ociRepositoryStatus>
