import { z } from 'zod'
import { commonStatus, duration, type Infer, instant, labelSelector, localRef, stringMap } from '../../resource/fields.ts'
import { gitRef } from '../source/git-repository.ts'
import { imageRef } from './image-policy.ts'

const commit = z.object({
  author: z
    .object({
      email: z.string().describe('Address of the author.'),
      name: z.string().exactOptional().describe('Name of the author.'),
    })
    .describe('Author of the commits.'),
  messageTemplate: z.string().exactOptional().describe('Go template of the message.'),
  messageTemplateValues: stringMap().exactOptional().describe('More values for the template.'),
  signingKey: z
    .object({
      secretRef: localRef().describe('Secret with git.asc and passphrase, or identity and password.'),
      type: z.enum(['gpg', 'ssh']).exactOptional().describe("Kind of key; 'gpg' where absent."),
    })
    .exactOptional()
    .describe('Key to sign commits with.'),
})

const push = z.object({
  branch: z.string().exactOptional().describe('Branch to push to; made from the checked out one where it does not exist.'),
  options: stringMap().exactOptional().describe('Push options for the git server.'),
  refspec: z
    .string()
    .regex(/^$|^[^+:]/)
    .exactOptional()
    .describe('Refspec to push with.'),
})

const git = z.object({
  checkout: z
    .object({ ref: gitRef.describe('Reference to check out.') })
    .exactOptional()
    .describe('What to check out; as the source says where absent.'),
  commit: commit.describe('How to commit.'),
  push: push.exactOptional().describe('How to push; to the checked out branch where absent.'),
})

const sourceRef = z.object({
  apiVersion: z.string().exactOptional().describe('API version of the source.'),
  kind: z.enum(['GitRepository']).default('GitRepository').describe('Kind of the source.'),
  name: z.string().describe('Name of the source.'),
  namespace: z.string().exactOptional().describe("Namespace of the source; this object's where absent."),
})

const update = z.object({
  path: z.string().exactOptional().describe('Directory of the files to update; the root where absent.'),
  strategy: z.enum(['Setters']).default('Setters').describe('How files are updated.'),
})

export const imageUpdateAutomationSpec = z.object({
  git: git.exactOptional().describe('How to work with git.'),
  interval: duration().describe('How often to run at most.'),
  policySelector: labelSelector.exactOptional().describe('Which ImagePolicies count; all of the namespace where absent.'),
  sourceRef: sourceRef.describe('The repository to update.'),
  suspend: z.boolean().exactOptional().describe('Stop running.'),
  update: update.default({ strategy: 'Setters' }).describe('What to update.'),
})
export type ImageUpdateAutomationSpec = Infer<typeof imageUpdateAutomationSpec>

export const imageUpdateAutomationStatus = z.object({
  ...commonStatus,
  lastAutomationRunTime: instant().exactOptional().describe('When the last run ended.'),
  lastPushCommit: z.string().exactOptional().describe('The last commit that was pushed.'),
  lastPushTime: instant().exactOptional().describe('When it was pushed.'),
  observedPolicies: z.record(z.string(), imageRef).exactOptional().describe('The policies of the last run, and their images.'),
  observedSourceRevision: z.string().exactOptional().describe('Revision of the source in the last run.'),
})
export type ImageUpdateAutomationStatus = Infer<typeof imageUpdateAutomationStatus>
