import { z } from 'zod'
import { duration, type Infer, localRef, shortDuration, withRules } from '../../resource/fields.ts'
import { sourceStatus } from './artifact.ts'

const sts = z.object({
  certSecretRef: localRef().exactOptional().describe("Secret with certificates for the service; with the provider 'ldap' only."),
  endpoint: z
    .string()
    .regex(/^(http|https):\/\/.*$/)
    .describe('Address of the service.'),
  provider: z.enum(['aws', 'ldap']).describe('Kind of service.'),
  secretRef: localRef().exactOptional().describe("Secret with username and password; with the provider 'ldap' only."),
})

const spec = z.object({
  bucketName: z.string().describe('Name of the bucket.'),
  certSecretRef: localRef().exactOptional().describe("Secret with certificates; with the provider 'generic' only."),
  endpoint: z.string().describe('Address of the object storage.'),
  ignore: z.string().exactOptional().describe('Patterns as in .gitignore; they replace the built-in exclusions.'),
  insecure: z.boolean().exactOptional().describe('Allow plain HTTP.'),
  interval: duration().describe('How often the bucket is looked at.'),
  prefix: z.string().exactOptional().describe('Only objects whose names begin with this.'),
  provider: z.enum(['generic', 'aws', 'gcp', 'azure']).default('generic').describe('Kind of object storage.'),
  proxySecretRef: localRef().exactOptional().describe('Secret with the proxy: address, username, password.'),
  region: z.string().exactOptional().describe('Region of the bucket.'),
  secretRef: localRef().exactOptional().describe('Secret with credentials.'),
  serviceAccountName: z.string().exactOptional().describe("ServiceAccount to authenticate as; not with the provider 'generic'."),
  sts: sts.exactOptional().describe('Security token service that gives temporary credentials.'),
  suspend: z.boolean().exactOptional().describe('Stop reconciling this object.'),
  timeout: shortDuration().default('60s').describe('Time limit of fetching.'),
})

export const bucketSpec = withRules(spec, [
  {
    rule: "self.provider == 'aws' || self.provider == 'generic' || !has(self.sts)",
    message: "STS configuration is only supported for the 'aws' and 'generic' Bucket providers",
    holds: (self) => self.provider === 'aws' || self.provider === 'generic' || !self.sts,
  },
  {
    rule: "self.provider != 'aws' || !has(self.sts) || self.sts.provider == 'aws'",
    message: "'aws' is the only supported STS provider for the 'aws' Bucket provider",
    holds: (self) => self.provider !== 'aws' || !self.sts || self.sts.provider === 'aws',
  },
  {
    rule: "self.provider != 'generic' || !has(self.sts) || self.sts.provider == 'ldap'",
    message: "'ldap' is the only supported STS provider for the 'generic' Bucket provider",
    holds: (self) => self.provider !== 'generic' || !self.sts || self.sts.provider === 'ldap',
  },
  {
    rule: "!has(self.sts) || self.sts.provider != 'aws' || !has(self.sts.secretRef)",
    message: "spec.sts.secretRef is not required for the 'aws' STS provider",
    holds: (self) => self.sts?.provider !== 'aws' || !self.sts.secretRef,
  },
  {
    rule: "!has(self.sts) || self.sts.provider != 'aws' || !has(self.sts.certSecretRef)",
    message: "spec.sts.certSecretRef is not required for the 'aws' STS provider",
    holds: (self) => self.sts?.provider !== 'aws' || !self.sts.certSecretRef,
  },
  {
    rule: "self.provider != 'generic' || !has(self.serviceAccountName)",
    message: "ServiceAccountName is not supported for the 'generic' Bucket provider",
    holds: (self) => self.provider !== 'generic' || self.serviceAccountName === undefined,
  },
  {
    rule: '!has(self.secretRef) || !has(self.serviceAccountName)',
    message: 'cannot set both .spec.secretRef and .spec.serviceAccountName',
    holds: (self) => !self.secretRef || self.serviceAccountName === undefined,
  },
])
export type BucketSpec = Infer<typeof bucketSpec>

export const bucketStatus = z.object({
  ...sourceStatus,
  observedIgnore: z.string().exactOptional().describe('spec.ignore of the current artifact.'),
  url: z.string().exactOptional().describe('Link to the current artifact.'),
})
export type BucketStatus = Infer<typeof bucketStatus>
