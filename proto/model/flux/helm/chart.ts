import { z } from 'zod'
import { duration, localRef, stringMap } from '../../resource/fields.ts'

const sourceRef = z.object({
  apiVersion: z.string().exactOptional().describe('API version of the source.'),
  kind: z.enum(['HelmRepository', 'GitRepository', 'Bucket']).describe('Kind of the source.'),
  name: z.string().min(1).max(253).describe('Name of the source.'),
  namespace: z.string().min(1).max(63).exactOptional().describe("Namespace of the source; this object's where absent."),
})

const verify = z.object({
  provider: z.enum(['cosign', 'notation']).default('cosign').describe('Technology of the signature.'),
  secretRef: localRef().exactOptional().describe('Secret with the trusted public keys.'),
})

/** The HelmChart that a HelmRelease has made for it. */
export const chartTemplate = z.object({
  metadata: z
    .object({
      annotations: stringMap().exactOptional().describe('Annotations of the HelmChart.'),
      labels: stringMap().exactOptional().describe('Labels of the HelmChart.'),
    })
    .exactOptional()
    .describe('Metadata of the HelmChart.'),
  spec: z
    .object({
      chart: z.string().min(1).max(2048).describe('Name of the chart, or its path in the source.'),
      ignoreMissingValuesFiles: z.boolean().exactOptional().describe('Go on without values files that do not exist.'),
      interval: duration().exactOptional().describe("How often the source is looked at; the release's interval where absent."),
      reconcileStrategy: z.enum(['ChartVersion', 'Revision']).default('ChartVersion').describe('What makes a new artifact.'),
      sourceRef: sourceRef.describe('Where the chart is.'),
      valuesFiles: z.array(z.string()).exactOptional().describe('Files to merge into the values of the chart, the last one winning.'),
      verify: verify.exactOptional().describe('Which signatures the chart must have; OCI only.'),
      version: z.string().default('*').describe('Range of versions; ignored for charts in git and buckets.'),
    })
    .describe('Spec of the HelmChart.'),
})

/** A chart that exists as an artifact already. */
export const chartRef = z.object({
  apiVersion: z.string().exactOptional().describe('API version of the object.'),
  kind: z.enum(['OCIRepository', 'HelmChart', 'ExternalArtifact']).describe('Kind of the object.'),
  name: z.string().min(1).max(253).describe('Name of the object.'),
  namespace: z.string().min(1).max(63).exactOptional().describe("Namespace of the object; this object's where absent."),
})
