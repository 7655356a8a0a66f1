import { z } from 'zod'
import { anyObject, commonStatus, duration, type Infer, instant, withRules } from '../../resource/fields.ts'
import { commonMetadata, dependency, driftIgnoreRule, healthCheckExpr, image, inventory, kubeConfig, patch } from '../kustomize/patches.ts'
import { install, rollback, test, uninstall, upgrade } from './actions.ts'
import { chartRef, chartTemplate } from './chart.ts'

const driftDetection = z.object({
  ignore: z.array(driftIgnoreRule).exactOptional().describe('Fields that others may change.'),
  mode: z.enum(['enabled', 'warn', 'disabled']).exactOptional().describe("What to do about drift; 'disabled' where absent."),
})

const valuesReference = z.object({
  kind: z.enum(['Secret', 'ConfigMap']).describe('Kind of the object that holds the values.'),
  literal: z.boolean().exactOptional().describe('Keep the value at targetPath as a string.'),
  name: z.string().min(1).max(253).describe('Its name, in the same namespace.'),
  optional: z.boolean().exactOptional().describe('Go on when it does not exist.'),
  targetPath: z
    .string()
    .max(250)
    .regex(/^([a-zA-Z0-9_\-.\\/]|\[[0-9]{1,5}\])+$/)
    .exactOptional()
    .describe('Path in the values where a single value goes, in the syntax of helm --set.'),
  valuesKey: z
    .string()
    .max(253)
    .regex(/^[-._a-zA-Z0-9]+$/)
    .exactOptional()
    .describe("Key in the object; 'values.yaml' where absent."),
})

const postRenderer = z.object({
  kustomize: z
    .object({
      images: z.array(image).exactOptional().describe('Image names, tags and digests to change.'),
      patches: z.array(patch).exactOptional().describe('Patches, inline.'),
    })
    .exactOptional()
    .describe('What kustomize does to the rendered manifests.'),
})

const namespaceName = () => z.string().min(1).max(63)

const spec = z.object({
  chart: chartTemplate.exactOptional().describe('The HelmChart to make.'),
  chartRef: chartRef.exactOptional().describe('The chart to use.'),
  commonMetadata: commonMetadata.exactOptional().describe('Labels and annotations for every object.'),
  dependsOn: z.array(dependency).exactOptional().describe('HelmReleases that must be ready first.'),
  driftDetection: driftDetection.exactOptional().describe('How drift is found and corrected.'),
  healthCheckExprs: z.array(healthCheckExpr).exactOptional().describe('CEL expressions for the health of custom resources.'),
  install: install.exactOptional().describe('How to install.'),
  interval: duration().describe('How often to reconcile.'),
  kubeConfig: kubeConfig.exactOptional().describe('How to reach another cluster to release to.'),
  maxHistory: z.int().exactOptional().describe('How many releases Helm keeps; 5 where absent, 0 is all.'),
  persistentClient: z.boolean().exactOptional().describe('Keep one client for the whole action; true where absent.'),
  postRenderers: z.array(postRenderer).exactOptional().describe('What is done to the rendered manifests.'),
  postRenderStrategy: z
    .enum(['nohooks', 'combined', 'separate'])
    .exactOptional()
    .describe("Whether hooks are post-rendered too, and with the rest or apart; 'combined' where absent."),
  releaseName: z.string().min(1).max(53).exactOptional().describe('Name of the release; [<targetNamespace>-]<name> where absent.'),
  rollback: rollback.exactOptional().describe('How to roll back.'),
  serviceAccountName: z.string().min(1).max(253).exactOptional().describe('ServiceAccount to impersonate.'),
  storageNamespace: namespaceName().exactOptional().describe("Namespace of Helm's storage; this object's where absent."),
  suspend: z.boolean().exactOptional().describe('Stop reconciling this object.'),
  targetNamespace: namespaceName().exactOptional().describe("Namespace of the release; this object's where absent."),
  test: test.exactOptional().describe('How to test.'),
  timeout: duration().exactOptional().describe("Time limit of one step of an action; '5m' where absent."),
  uninstall: uninstall.exactOptional().describe('How to uninstall.'),
  upgrade: upgrade.exactOptional().describe('How to upgrade.'),
  values: anyObject().exactOptional().describe('Values of the release.'),
  valuesFrom: z.array(valuesReference).exactOptional().describe('Objects that hold values; later ones win.'),
  waitStrategy: z
    .object({ name: z.enum(['poller', 'legacy']).describe("'poller' watches with kstatus, 'legacy' waits as Helm 3 did.") })
    .exactOptional()
    .describe("How to wait; 'poller' where absent."),
})

export const helmReleaseSpec = withRules(spec, [
  {
    rule: '(has(self.chart) && !has(self.chartRef)) || (!has(self.chart) && has(self.chartRef))',
    message: 'either chart or chartRef must be set',
    holds: ({ chart, chartRef: ref }) => (chart === undefined) !== (ref === undefined),
  },
])
export type HelmReleaseSpec = Infer<typeof helmReleaseSpec>

const testHook = z.object({
  lastCompleted: instant().exactOptional().describe('When the test last ended.'),
  lastStarted: instant().exactOptional().describe('When the test last began.'),
  phase: z.string().exactOptional().describe('How far the test is.'),
})

const snapshot = z.object({
  action: z.string().exactOptional().describe('The action that made the release.'),
  apiVersion: z.string().exactOptional().describe('Version of the snapshot.'),
  appVersion: z.string().exactOptional().describe('Version of the app in the chart.'),
  chartName: z.string().describe('Name of the chart.'),
  chartVersion: z.string().describe('Version of the chart.'),
  configDigest: z.string().describe('Digest of the values.'),
  deleted: instant().exactOptional().describe('When the release was deleted.'),
  digest: z.string().describe('Digest of the release.'),
  firstDeployed: instant().describe('When the release was first deployed.'),
  lastDeployed: instant().describe('When the release was last deployed.'),
  name: z.string().describe('Name of the release.'),
  namespace: z.string().describe('Namespace of the release.'),
  ociDigest: z.string().exactOptional().describe('Digest of the OCI artifact of the chart.'),
  status: z.string().describe('State of the release.'),
  testHooks: z.record(z.string(), testHook).exactOptional().describe('Results of the tests.'),
  version: z.int().describe('Version of the release.'),
})

const counter = (what: string) => z.int().exactOptional().describe(`${what}; 0 after a success.`)
const text = (what: string) => z.string().exactOptional().describe(what)

export const helmReleaseStatus = z.object({
  ...commonStatus,
  failures: counter('Failures in a row'),
  helmChart: text('The HelmChart, as <namespace>/<name>.'),
  history: z.array(snapshot).exactOptional().describe('Releases up to the last good one, newest first.'),
  installFailures: counter('Failed installs in a row'),
  inventory: inventory.exactOptional().describe('What the release contains.'),
  lastAttemptedConfigDigest: text('Digest of the values that were last tried.'),
  lastAttemptedGeneration: z.int().exactOptional().describe('Generation that was last tried.'),
  lastAttemptedReleaseAction: z.enum(['install', 'upgrade']).exactOptional().describe('Action that was last tried.'),
  lastAttemptedReleaseActionDuration: text('How long the last action took.'),
  lastAttemptedRevision: text('Chart version that was last tried.'),
  lastAttemptedRevisionDigest: text('Digest of the OCI artifact that was last tried.'),
  lastAttemptedValuesChecksum: text('Checksum of values; kept for older objects.'),
  lastHandledForceAt: text('The last request to force that was acted on.'),
  lastHandledResetAt: text('The last request to reset that was acted on.'),
  lastReleaseRevision: z.int().exactOptional().describe('Version of the last release; kept for older objects.'),
  observedCommonMetadataDigest: text('Digest of spec.commonMetadata of the release.'),
  observedPostRenderersDigest: text('Digest of spec.postRenderers of the release.'),
  storageNamespace: namespaceName().exactOptional().describe("Namespace of Helm's storage."),
  upgradeFailures: counter('Failed upgrades in a row'),
})
export type HelmReleaseStatus = Infer<typeof helmReleaseStatus>
