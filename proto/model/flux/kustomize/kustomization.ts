import { z } from 'zod'
import { commonStatus, duration, type Infer, instant, localRef, stringMap } from '../../resource/fields.ts'
import { commonMetadata, dependency, driftIgnoreRule, healthCheckExpr, image, inventory, kubeConfig, patch } from './patches.ts'

const decryption = z.object({
  provider: z.enum(['sops']).describe('The engine.'),
  secretRef: localRef().exactOptional().describe('Secret with the private keys.'),
  serviceAccountName: z.string().exactOptional().describe('ServiceAccount to authenticate to a key service as.'),
})

const healthCheck = z.object({
  apiVersion: z.string().exactOptional().describe('API version of the object; the preferred one where absent.'),
  kind: z.string().describe('Kind of the object.'),
  name: z.string().describe('Name of the object.'),
  namespace: z.string().exactOptional().describe("Namespace of the object; this object's where absent."),
})

const substituteReference = z.object({
  kind: z.enum(['Secret', 'ConfigMap']).describe('Kind of the object that holds the variables.'),
  name: z.string().min(1).max(253).describe('Its name, in the same namespace.'),
  optional: z.boolean().default(false).describe('Go on as if it were empty when it does not exist.'),
})

const postBuild = z.object({
  substitute: stringMap().exactOptional().describe('Variables and their values; they win over substituteFrom.'),
  substituteFrom: z.array(substituteReference).exactOptional().describe('Objects that hold variables; later ones win.'),
  substituteStrategy: z
    .enum(['WithVariables', 'Always'])
    .exactOptional()
    .describe("When to substitute: if there is at least one variable ('WithVariables', where absent), or 'Always'."),
})

const sourceRef = z.object({
  apiVersion: z.string().exactOptional().describe('API version of the source.'),
  kind: z.enum(['OCIRepository', 'GitRepository', 'Bucket', 'ExternalArtifact']).describe('Kind of the source.'),
  name: z.string().describe('Name of the source.'),
  namespace: z.string().exactOptional().describe("Namespace of the source; this object's where absent."),
})

const prefix = () => z.string().min(1).max(200)

export const kustomizationSpec = z.object({
  buildMetadata: z
    .array(z.enum(['originAnnotations', 'transformerAnnotations']))
    .exactOptional()
    .describe("kustomize's buildMetadata."),
  commonMetadata: commonMetadata.exactOptional().describe('Labels and annotations for every object; they win over what is there.'),
  components: z.array(z.string()).exactOptional().describe('Relative paths of kustomize components.'),
  decryption: decryption.exactOptional().describe('How to decrypt before applying.'),
  deletionPolicy: z
    .enum(['MirrorPrune', 'Delete', 'WaitForTermination', 'Orphan'])
    .exactOptional()
    .describe("What becomes of the applied objects when this one is deleted; 'MirrorPrune' (as prune says) where absent."),
  dependsOn: z.array(dependency).exactOptional().describe('Kustomizations that must be ready first.'),
  force: z.boolean().default(false).describe('Recreate objects whose immutable fields change.'),
  healthCheckExprs: z.array(healthCheckExpr).exactOptional().describe('CEL expressions for the health of custom resources.'),
  healthChecks: z.array(healthCheck).exactOptional().describe('Objects whose health counts.'),
  ignore: z.array(driftIgnoreRule).exactOptional().describe('Fields that others may change without being corrected.'),
  ignoreMissingComponents: z.boolean().exactOptional().describe('Leave out components whose directories do not exist.'),
  images: z.array(image).exactOptional().describe('Image names, tags and digests to change.'),
  interval: duration().describe('How often to reconcile.'),
  kubeConfig: kubeConfig.exactOptional().describe('How to reach another cluster to apply to.'),
  namePrefix: prefix().exactOptional().describe('Prefix for the names of all objects.'),
  nameSuffix: prefix().exactOptional().describe('Suffix for the names of all objects.'),
  patches: z.array(patch).exactOptional().describe('Patches, inline.'),
  path: z.string().exactOptional().describe('Directory in the source; its root where absent.'),
  postBuild: postBuild.exactOptional().describe('What to do with the result of the build.'),
  prune: z.boolean().describe('Delete what is no longer in the source.'),
  retryInterval: duration().exactOptional().describe('How soon to try again after a failure; interval where absent.'),
  serviceAccountName: z.string().exactOptional().describe('ServiceAccount to impersonate.'),
  sourceRef: sourceRef.describe('Where the manifests are.'),
  suspend: z.boolean().exactOptional().describe('Stop reconciling this object.'),
  targetNamespace: z.string().min(1).max(63).exactOptional().describe('Namespace for all objects.'),
  timeout: duration().exactOptional().describe('Time limit of one run; interval less 30 seconds where absent.'),
  wait: z.boolean().exactOptional().describe('Wait until everything applied is healthy; healthChecks are then ignored.'),
})
export type KustomizationSpec = Infer<typeof kustomizationSpec>

/** One line of the history: what was tried, how often, and how it went. */
export const historyEntry = z.object({
  digest: z.string().describe('Digest of what was applied.'),
  firstReconciled: instant().describe('When this was first tried.'),
  lastReconciled: instant().describe('When this was last tried.'),
  lastReconciledDuration: z.string().describe('How long the last try took.'),
  lastReconciledStatus: z.string().describe('How the last try went.'),
  metadata: stringMap().exactOptional().describe('Revision and origin revision.'),
  totalReconciliations: z.int().describe('How often this was tried.'),
})
export type HistoryEntry = Infer<typeof historyEntry>

export const kustomizationStatus = z.object({
  ...commonStatus,
  history: z.array(historyEntry).exactOptional().describe('The last runs, newest first; at most five.'),
  inventory: inventory.exactOptional().describe('What was applied.'),
  lastAppliedOriginRevision: z.string().exactOptional().describe('Origin revision of what was last applied.'),
  lastAppliedRevision: z.string().exactOptional().describe('Revision that was last applied.'),
  lastAttemptedRevision: z.string().exactOptional().describe('Revision that was last tried.'),
})
export type KustomizationStatus = Infer<typeof kustomizationStatus>

/** One applied object: its id and API version. */
export type InventoryEntry = Infer<typeof inventory>['entries'][number]
