import { z } from 'zod'
import { commonStatus, duration, type Infer, localRef, withRules } from '../../resource/fields.ts'
import { eventSource } from './event-source.ts'

const TYPES = [
  'generic',
  'generic-hmac',
  'generic-oidc',
  'github',
  'gitlab',
  'bitbucket',
  'harbor',
  'dockerhub',
  'quay',
  'gcr',
  'nexus',
  'acr',
  'cdevents',
] as const

const oidcProvider = z.object({
  audience: z.string().exactOptional().describe("Audience that tokens must have; 'notification-controller' where absent."),
  issuerURL: z
    .string()
    .regex(/^https?:\/\//)
    .describe('Address of the issuer, as tokens name it.'),
  validations: z
    .array(
      z.object({
        expression: z.string().describe('CEL expression over claims and vars that must be true.'),
        message: z.string().describe('What the caller is told when it is not.'),
      }),
    )
    .min(1)
    .describe('Conditions that the claims must meet.'),
  variables: z
    .array(
      z.object({
        expression: z.string().describe('CEL expression that gives the value.'),
        name: z.string().describe('Name of the variable.'),
      }),
    )
    .exactOptional()
    .describe('Named expressions for the validations.'),
})

const resource = eventSource.extend({
  filter: z.string().exactOptional().describe('CEL expression that says whether this object is meant.'),
})

const spec = z.object({
  events: z.array(z.string()).exactOptional().describe('Kinds of events to act on; all where absent.'),
  interval: duration().default('10m').describe('How often the Secret is looked at.'),
  oidcProviders: z
    .array(oidcProvider)
    .meta({ 'x-kubernetes-list-type': 'map', 'x-kubernetes-list-map-keys': ['issuerURL'] })
    .exactOptional()
    .describe("Issuers whose tokens are accepted; for the type 'generic-oidc'."),
  resourceFilter: z.string().exactOptional().describe('CEL expression over res and req that says whether an object is meant.'),
  resources: z.array(resource).describe('The objects to reconcile.'),
  secretRef: localRef().exactOptional().describe('Secret with the key token.'),
  suspend: z.boolean().exactOptional().describe('Stop acting on events.'),
  type: z.enum(TYPES).describe('Kind of sender.'),
})

export const receiverSpec = withRules(spec, [
  {
    rule: "self.type != 'generic-oidc' || (has(self.oidcProviders) && size(self.oidcProviders) > 0)",
    message: 'generic-oidc receivers must define at least one oidcProvider',
    holds: (self) => self.type !== 'generic-oidc' || (self.oidcProviders?.length ?? 0) > 0,
  },
  {
    rule: "self.type == 'generic-oidc' || !has(self.oidcProviders) || size(self.oidcProviders) == 0",
    message: 'oidcProviders can only be set when type is generic-oidc',
    holds: (self) => self.type === 'generic-oidc' || (self.oidcProviders?.length ?? 0) === 0,
  },
  {
    rule: "self.type == 'generic-oidc' || has(self.secretRef)",
    message: 'secretRef is required when type is not generic-oidc',
    holds: (self) => self.type === 'generic-oidc' || self.secretRef !== undefined,
  },
  {
    rule: "self.type != 'generic-oidc' || !has(self.secretRef)",
    message: 'secretRef cannot be set when type is generic-oidc',
    holds: (self) => self.type !== 'generic-oidc' || self.secretRef === undefined,
  },
])
export type ReceiverSpec = Infer<typeof receiverSpec>

export const receiverStatus = z.object({
  ...commonStatus,
  webhookPath: z.string().exactOptional().describe('Path of the webhook: /hook/<sha256 of token, name and namespace>.'),
})
export type ReceiverStatus = Infer<typeof receiverStatus>
