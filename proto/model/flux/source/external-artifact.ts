import { z } from 'zod'
import { condition, type Infer } from '../../resource/fields.ts'
import { artifactSchema } from './artifact.ts'

const sourceRef = z.object({
  apiVersion: z.string().exactOptional().describe('API version of the object.'),
  kind: z.string().describe('Kind of the object.'),
  name: z.string().describe('Name of the object.'),
  namespace: z.string().exactOptional().describe('Namespace of the object.'),
})

export const externalArtifactSpec = z.object({
  sourceRef: sourceRef.exactOptional().describe('The object that the artifact is made for.'),
})
export type ExternalArtifactSpec = Infer<typeof externalArtifactSpec>

export const externalArtifactStatus = z.object({
  artifact: artifactSchema.exactOptional().describe('The last artifact that was made.'),
  conditions: z.array(condition).exactOptional().describe('How the object is doing.'),
})
export type ExternalArtifactStatus = Infer<typeof externalArtifactStatus>
