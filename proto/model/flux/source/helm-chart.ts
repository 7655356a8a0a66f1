import { z } from 'zod'
import { accessFrom, duration, type Infer, withRules } from '../../resource/fields.ts'
import { sourceStatus } from './artifact.ts'
import { ociVerification } from './oci-repository.ts'

const sourceRef = z.object({
  apiVersion: z.string().exactOptional().describe('API version of the source.'),
  kind: z.enum(['HelmRepository', 'GitRepository', 'Bucket']).describe('Kind of the source.'),
  name: z.string().describe('Name of the source.'),
})

const spec = z.object({
  accessFrom: accessFrom.exactOptional().describe('Which namespaces may refer to this object; declared, never enforced by Flux.'),
  chart: z.string().describe('Name of the chart, or its path in the source.'),
  ignoreMissingValuesFiles: z.boolean().exactOptional().describe('Go on without values files that do not exist.'),
  interval: duration().describe('How often the source is looked at.'),
  reconcileStrategy: z.enum(['ChartVersion', 'Revision']).default('ChartVersion').describe('What makes a new artifact.'),
  sourceRef: sourceRef.describe('Where the chart is.'),
  suspend: z.boolean().exactOptional().describe('Stop reconciling this object.'),
  valuesFiles: z.array(z.string()).exactOptional().describe('Files to merge into the values of the chart, the last one winning.'),
  verify: ociVerification.exactOptional().describe('Which signatures the chart must have; OCI only.'),
  version: z.string().default('*').describe('Range of versions; ignored for charts in git and buckets.'),
})

export const helmChartSpec = withRules(spec, [
  {
    rule: "!has(self.verify) || self.sourceRef.kind == 'HelmRepository'",
    message: "spec.verify is only supported when spec.sourceRef.kind is 'HelmRepository'",
    holds: ({ verify, sourceRef: source }) => verify === undefined || source.kind === 'HelmRepository',
  },
])
export type HelmChartSpec = Infer<typeof helmChartSpec>

export const helmChartStatus = z.object({
  ...sourceStatus,
  observedChartName: z.string().exactOptional().describe('Name of the chart that was found.'),
  observedSourceArtifactRevision: z.string().exactOptional().describe("Revision of the source's artifact that was used."),
  observedValuesFiles: z.array(z.string()).exactOptional().describe('Values files of the current artifact.'),
  url: z.string().exactOptional().describe('Link to the current artifact.'),
})
export type HelmChartStatus = Infer<typeof helmChartStatus>
