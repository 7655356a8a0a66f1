import { z } from 'zod'
import { duration, type Infer, localRef, shortDuration, withRules } from '../../resource/fields.ts'
import { artifactSchema, sourceStatus } from './artifact.ts'

/** What to fetch of a git repository; `commit` wins over `name`, `semver`, `tag`, `branch`, in this order. */
export const gitRef = z.object({
  branch: z.string().exactOptional().describe("Branch to check out; 'master' where nothing else is given."),
  commit: z
    .string()
    .exactOptional()
    .describe('Commit to check out; wins over all other fields. With a branch, the branch is cloned shallowly.'),
  name: z.string().exactOptional().describe('Full name of a reference, such as refs/pull/420/head; wins over branch, tag and semver.'),
  semver: z.string().exactOptional().describe('Range of versions; the highest tag in it is checked out. Wins over tag.'),
  tag: z.string().exactOptional().describe('Tag to check out; wins over branch.'),
})

const include = z.object({
  fromPath: z.string().exactOptional().describe('Path to copy from; the root of the artifact where absent.'),
  repository: localRef().describe('GitRepository whose artifact is taken in.'),
  toPath: z.string().exactOptional().describe("Path to copy to; the repository's name where absent."),
})

const verify = z.object({
  mode: z.enum(['head', 'HEAD', 'Tag', 'TagAndHEAD']).default('HEAD').describe('Which git objects must be signed.'),
  secretRef: localRef().describe('Secret with the public keys of trusted authors: *.asc for PGP, *.sshpub for SSH.'),
})

const spec = z.object({
  ignore: z.string().exactOptional().describe('Patterns as in .gitignore; they replace the built-in exclusions.'),
  include: z.array(include).exactOptional().describe('GitRepositories whose artifacts are laid over this one.'),
  interval: duration().describe('How often the repository is looked at.'),
  provider: z.enum(['generic', 'aws', 'azure', 'github']).exactOptional().describe("How to authenticate; 'generic' where absent."),
  proxySecretRef: localRef().exactOptional().describe('Secret with the proxy: address, username, password.'),
  recurseSubmodules: z.boolean().exactOptional().describe('Fetch all submodules too.'),
  ref: gitRef.exactOptional().describe("The reference to follow; the branch 'master' where absent."),
  secretRef: localRef()
    .exactOptional()
    .describe('Secret with credentials: username and password or bearerToken for HTTPS, identity and known_hosts for SSH.'),
  serviceAccountName: z.string().exactOptional().describe("ServiceAccount to authenticate as; only with the providers 'azure' and 'aws'."),
  sparseCheckout: z.array(z.string()).exactOptional().describe('Directories to check out; all where absent.'),
  suspend: z.boolean().exactOptional().describe('Stop reconciling this object.'),
  timeout: shortDuration().default('60s').describe('Time limit of git operations.'),
  url: z
    .string()
    .regex(/^(http|https|ssh):\/\/.*$/)
    .describe('Address of the repository, over HTTP, HTTPS or SSH.'),
  verify: verify.exactOptional().describe('Which signatures the repository must have.'),
})

export const gitRepositorySpec = withRules(spec, [
  {
    rule: "!has(self.serviceAccountName) || (has(self.provider) && (self.provider == 'azure' || self.provider == 'aws'))",
    message: "serviceAccountName can only be set when provider is 'azure' or 'aws'",
    holds: ({ serviceAccountName, provider }) => serviceAccountName === undefined || provider === 'azure' || provider === 'aws',
  },
])
export type GitRepositorySpec = Infer<typeof gitRepositorySpec>

export const gitRepositoryStatus = z.object({
  ...sourceStatus,
  includedArtifacts: z.array(artifactSchema).exactOptional().describe('Artifacts that were taken in.'),
  observedIgnore: z.string().exactOptional().describe('spec.ignore of the current artifact.'),
  observedInclude: z.array(include).exactOptional().describe('spec.include of the current artifact.'),
  observedRecurseSubmodules: z.boolean().exactOptional().describe('spec.recurseSubmodules of the current artifact.'),
  observedSparseCheckout: z.array(z.string()).exactOptional().describe('spec.sparseCheckout of the current artifact.'),
  sourceVerificationMode: z.string().exactOptional().describe('Which git objects were verified last.'),
})
export type GitRepositoryStatus = Infer<typeof gitRepositoryStatus>
