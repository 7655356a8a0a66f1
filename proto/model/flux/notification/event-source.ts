import { z } from 'zod'
import { stringMap } from '../../resource/fields.ts'

const KINDS = [
  'Bucket',
  'GitRepository',
  'Kustomization',
  'HelmRelease',
  'HelmChart',
  'HelmRepository',
  'ImageRepository',
  'ImagePolicy',
  'ImageUpdateAutomation',
  'OCIRepository',
  'ArtifactGenerator',
  'ExternalArtifact',
] as const

/** One or many Flux objects, by name or labels. */
export const eventSource = z.object({
  apiVersion: z.string().exactOptional().describe('API version of the objects.'),
  kind: z.enum(KINDS).describe('Kind of the objects.'),
  matchLabels: stringMap().exactOptional().describe("Labels of the objects; requires the name '*'."),
  name: z.string().min(1).max(253).describe("Name of the object; '*' for many."),
  namespace: z.string().min(1).max(253).exactOptional().describe("Namespace of the objects; this object's where absent."),
})
