import { z } from 'zod'
import { commonStatus, type Infer, instant, stringMap } from '../../resource/fields.ts'

/** What a source gives to others: one immutable archive. */
export const artifactSchema = z.object({
  digest: z
    .string()
    .regex(/^[a-z0-9]+(?:[.+_-][a-z0-9]+)*:[a-zA-Z0-9=_-]+$/)
    .exactOptional()
    .describe('Digest of the content as <algorithm>:<checksum>.'),
  lastUpdateTime: instant().describe('When the artifact was last updated.'),
  metadata: stringMap().exactOptional().describe('What the origin says about the content, such as OCI annotations.'),
  path: z.string().describe('Path of the file, relative to the root of the storage.'),
  revision: z.string().describe('Revision in the origin, readable for people: main@sha1:…, a chart version, ….'),
  size: z.int().exactOptional().describe('Size of the file in bytes.'),
  url: z.string().describe('HTTP address of the file.'),
})
export type Artifact = Infer<typeof artifactSchema>

/** The members that the status of every source with an artifact has. */
export const sourceStatus = {
  ...commonStatus,
  artifact: artifactSchema.exactOptional().describe('The last artifact that was made.'),
}
