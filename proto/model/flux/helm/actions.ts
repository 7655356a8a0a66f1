import { z } from 'zod'
import { duration, withRules } from '../../resource/fields.ts'

const actionTimeout = () => duration().exactOptional().describe('Time limit of one step of the action; spec.timeout where absent.')
const crds = (fallback: string) =>
  z.enum(['Skip', 'Create', 'CreateReplace']).exactOptional().describe(`What to do with the CRDs of the chart; '${fallback}' where absent.`)
const flag = (what: string) => z.boolean().exactOptional().describe(what)

const strategy = withRules(
  z.object({
    name: z.enum(['RemediateOnFailure', 'RetryOnFailure']).describe('What to do after a failure.'),
    retryInterval: duration().exactOptional().describe("How soon to retry; '5m' where absent. With RetryOnFailure only."),
  }),
  [
    {
      rule: "!has(self.retryInterval) || self.name == 'RetryOnFailure'",
      message: '.retryInterval can only be set when .name is RetryOnFailure',
      holds: ({ name, retryInterval }) => retryInterval === undefined || name === 'RetryOnFailure',
    },
  ],
)

const remediation = {
  ignoreTestFailures: flag('Do not remediate after failed tests.'),
  remediateLastFailure: flag('Remediate the last failure too, when no retries are left.'),
  retries: z.int().exactOptional().describe('How often to try again; negative is without end.'),
}

const common = {
  disableHooks: flag('Run no hooks.'),
  disableOpenAPIValidation: flag("Do not check manifests against the cluster's OpenAPI."),
  disableSchemaValidation: flag("Do not check values against the chart's schema."),
  disableTakeOwnership: flag('Fail on objects that belong to another release.'),
  disableWait: flag('Do not wait for objects to be ready.'),
  disableWaitForJobs: flag('Do not wait for jobs to end.'),
  strategy: strategy.exactOptional().describe('What to do after a failure.'),
  timeout: actionTimeout(),
}
const serverSideApply = z
  .enum(['enabled', 'disabled', 'auto'])
  .exactOptional()
  .describe("Whether to apply on the server; 'auto' where absent: as the last release.")

export const install = z.object({
  ...common,
  crds: crds('Create'),
  createNamespace: flag('Create the target namespace.'),
  remediation: z.object(remediation).exactOptional().describe('How failures are remediated.'),
  replace: flag('Use a release name again whose release was deleted but is in the history.'),
  serverSideApply: flag('Apply on the server; true where absent.'),
  skipCRDs: flag("Install no CRDs; use crds: 'Skip' instead."),
})

export const upgrade = z.object({
  ...common,
  chartNameChangeStrategy: z
    .enum(['Reinstall', 'InPlaceUpdate'])
    .exactOptional()
    .describe("What to do when the chart's name changes; 'Reinstall' where absent."),
  cleanupOnFail: flag('Delete new objects when the upgrade fails.'),
  crds: crds('Skip'),
  force: flag('Replace objects; ignored with server-side apply.'),
  preserveValues: flag('Keep the values of the last release and merge new ones in.'),
  remediation: z
    .object({
      ...remediation,
      strategy: z.enum(['rollback', 'uninstall']).exactOptional().describe("How to remediate; 'rollback' where absent."),
    })
    .exactOptional()
    .describe('How failures are remediated.'),
  serverSideApply,
})

export const test = z.object({
  enable: flag('Run tests after install and upgrade.'),
  filters: z
    .array(
      z.object({
        exclude: flag('Leave this test out.'),
        name: z.string().min(1).max(253).describe('Name of the test.'),
      }),
    )
    .exactOptional()
    .describe('Tests to run or to leave out.'),
  ignoreFailures: flag('Failed tests do not count.'),
  timeout: actionTimeout(),
})

export const rollback = z.object({
  cleanupOnFail: flag('Delete new objects when the roll-back fails.'),
  disableHooks: flag('Run no hooks.'),
  disableWait: flag('Do not wait for objects to be ready.'),
  disableWaitForJobs: flag('Do not wait for jobs to end.'),
  force: flag('Replace objects; ignored with server-side apply.'),
  recreate: flag('No effect; kept for older manifests.'),
  serverSideApply,
  timeout: actionTimeout(),
})

export const uninstall = z.object({
  deletionPropagation: z.enum(['background', 'foreground', 'orphan']).default('background').describe('How dependents are deleted.'),
  disableHooks: flag('Run no hooks.'),
  disableWait: flag('Do not wait until objects are gone.'),
  keepHistory: flag('Keep the history of the release.'),
  timeout: actionTimeout(),
})
