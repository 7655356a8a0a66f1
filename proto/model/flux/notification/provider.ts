import { z } from 'zod'
import { duration, type Infer, localRef, shortDuration, withRules } from '../../resource/fields.ts'

const TYPES = [
  'slack',
  'discord',
  'msteams',
  'rocket',
  'generic',
  'generic-hmac',
  'github',
  'gitlab',
  'gitea',
  'giteapullrequestcomment',
  'githubpullrequestcomment',
  'gitlabmergerequestcomment',
  'bitbucketserver',
  'bitbucket',
  'azuredevops',
  'googlechat',
  'googlepubsub',
  'webex',
  'sentry',
  'azureeventhub',
  'telegram',
  'lark',
  'matrix',
  'opsgenie',
  'alertmanager',
  'grafana',
  'githubdispatch',
  'pagerduty',
  'datadog',
  'nats',
  'zulip',
  'zoom',
  'incident.io',
  'otel',
] as const
const GIT_TYPES: readonly string[] = ['github', 'gitlab', 'gitea', 'bitbucketserver', 'bitbucket', 'azuredevops']

const spec = z.object({
  address: z.string().max(2048).exactOptional().describe("Where to send to; the Secret's key address wins."),
  certSecretRef: localRef().exactOptional().describe('Secret with tls.crt and tls.key, ca.crt, or both.'),
  channel: z.string().max(2048).exactOptional().describe('Channel, room, topic or key, as the type needs.'),
  commitStatusExpr: z
    .string()
    .exactOptional()
    .describe('CEL expression over event, alert and provider that gives the id of the commit status.'),
  interval: duration().exactOptional().describe('Not used; kept for older manifests.'),
  proxy: z
    .string()
    .max(2048)
    .regex(/^(http|https):\/\/.*$/)
    .exactOptional()
    .describe('Address of a proxy; use proxySecretRef instead.'),
  proxySecretRef: localRef().exactOptional().describe('Secret with the proxy: address, username, password.'),
  secretRef: localRef().exactOptional().describe('Secret with token, address, username, password, headers, as the type needs.'),
  serviceAccountName: z
    .string()
    .exactOptional()
    .describe('ServiceAccount to authenticate as; for azureeventhub, azuredevops, googlepubsub.'),
  suspend: z.boolean().exactOptional().describe('Stop sending.'),
  timeout: shortDuration().exactOptional().describe("Time limit of sending; '15s' where absent."),
  type: z.enum(TYPES).describe('Kind of receiver.'),
  username: z.string().max(2048).exactOptional().describe('Name to send under.'),
})

export const providerSpec = withRules(spec, [
  {
    rule: "self.type == 'github' || self.type == 'gitlab' || self.type == 'gitea' || self.type == 'bitbucketserver' || self.type == 'bitbucket' || self.type == 'azuredevops' || !has(self.commitStatusExpr)",
    message:
      "spec.commitStatusExpr is only supported for the 'github', 'gitlab', 'gitea', 'bitbucketserver', 'bitbucket', 'azuredevops' provider types",
    holds: (self) => GIT_TYPES.includes(self.type) || self.commitStatusExpr === undefined,
  },
])
export type ProviderSpec = Infer<typeof providerSpec>
