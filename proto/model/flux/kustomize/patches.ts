import { z } from 'zod'
import { selector, stringMap, withRules } from '../../resource/fields.ts'

// Parts that Kustomization and HelmRelease share.

export const patch = z.object({
  patch: z.string().describe('A strategic merge patch, or a JSON 6902 patch as a list of operations; inline YAML.'),
  target: selector.exactOptional().describe('The objects that the patch is for.'),
})

export const image = z.object({
  digest: z.string().exactOptional().describe('New digest; wins over newTag.'),
  name: z.string().describe('Name of the image without tag.'),
  newName: z.string().exactOptional().describe('New name.'),
  newTag: z.string().exactOptional().describe('New tag.'),
})

export const commonMetadata = z.object({
  annotations: stringMap().exactOptional().describe('Annotations for every object.'),
  labels: stringMap().exactOptional().describe('Labels for every object.'),
})

export const healthCheckExpr = z.object({
  apiVersion: z.string().describe('API version of the objects; its group decides.'),
  current: z.string().describe('CEL expression that is true when the object is as it should be.'),
  failed: z.string().exactOptional().describe('CEL expression that is true when the object has failed.'),
  inProgress: z.string().exactOptional().describe('CEL expression that is true while the object is being worked on.'),
  kind: z.string().exactOptional().describe('Kind of the objects; every kind of the group where absent.'),
})

export const driftIgnoreRule = z.object({
  paths: z.array(z.string()).describe('JSON pointers of the fields to leave alone.'),
  target: selector.exactOptional().describe('The objects that the rule is for; all where absent.'),
})

export const dependency = z.object({
  name: z.string().describe('Name of the object that must be ready first.'),
  namespace: z.string().exactOptional().describe("Its namespace; this object's where absent."),
  readyExpr: z
    .string()
    .exactOptional()
    .describe('CEL expression over self and dep that says when it is ready; replaces the built-in check.'),
})

const configMapRef = z.object({ name: z.string().describe('Name of the ConfigMap.') })
const kubeConfigSecret = z.object({
  key: z.string().exactOptional().describe("Key of the kubeconfig in the Secret; 'value', then 'value.yaml' where absent."),
  name: z.string().describe('Name of the Secret.'),
})

export const kubeConfig = withRules(
  z.object({
    configMapRef: configMapRef.exactOptional().describe('ConfigMap that says how to get short-lived credentials for the cluster.'),
    secretRef: kubeConfigSecret.exactOptional().describe('Secret with a kubeconfig.'),
  }),
  [
    {
      rule: 'has(self.configMapRef) || has(self.secretRef)',
      message: 'exactly one of spec.kubeConfig.configMapRef or spec.kubeConfig.secretRef must be specified',
      holds: ({ configMapRef: map, secretRef: secret }) => map !== undefined || secret !== undefined,
    },
    {
      rule: '!has(self.configMapRef) || !has(self.secretRef)',
      message: 'exactly one of spec.kubeConfig.configMapRef or spec.kubeConfig.secretRef must be specified',
      holds: ({ configMapRef: map, secretRef: secret }) => map === undefined || secret === undefined,
    },
  ],
)

/** What was applied, as ids that Flux and we agree on. */
export const inventory = z.object({
  entries: z
    .array(
      z.object({
        id: z.string().describe('<namespace>_<name>_<group>_<kind>'),
        v: z.string().describe('API version of the object.'),
      }),
    )
    .describe('The objects.'),
})
