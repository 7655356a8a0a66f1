import type { HelmReleaseSpec } from './helm/helm-release.ts'
import type { FluxObject } from './kinds.ts'
import type { KustomizationSpec } from './kustomize/kustomization.ts'
import type { BucketSpec } from './source/bucket.ts'
import type { GitRepositorySpec } from './source/git-repository.ts'
import type { HelmChartSpec } from './source/helm-chart.ts'
import type { OCIRepositorySpec } from './source/oci-repository.ts'

/**
 * What the object asks for that Flotilla does not do yet: paths of fields, with the value where only that value is the
 * trouble, or the kind itself. Empty when all of it is served. A field at its default asks for nothing.
 */
export function unserved(object: FluxObject): readonly string[] {
  switch (object.kind) {
    case 'GitRepository':
      return unservedOfGitRepository(object.spec)
    case 'OCIRepository':
      return unservedOfOciRepository(object.spec)
    case 'Bucket':
      return unservedOfBucket(object.spec)
    case 'HelmRepository':
      return unservedProvider(object.spec)
    case 'HelmChart':
      return unservedOfHelmChart(object.spec)
    case 'Kustomization':
      return unservedOfKustomization(object.spec)
    case 'HelmRelease':
      return unservedOfHelmRelease(object.spec)
    default:
      return [`kind ${object.kind}`]
  }
}

/** The sentence for people about what `unserved` named. */
export function unservedMessage(parts: readonly string[]): string {
  return `Flotilla does not serve ${parts.join(', ')} yet; the object is left alone until this is taken out`
}

function unservedOfGitRepository(spec: GitRepositorySpec): readonly string[] {
  return [...asked(spec, ['verify', 'include', 'sparseCheckout', 'recurseSubmodules', 'serviceAccountName']), ...unservedProvider(spec)]
}

function unservedOfOciRepository(spec: OCIRepositorySpec): readonly string[] {
  return [...asked(spec, ['serviceAccountName']), ...unservedVerification(spec.verify), ...unservedProvider(spec)]
}

/** With keys, Amazon's object storage is asked as any other; without them, the identity would be a machine's. */
function unservedOfBucket(spec: BucketSpec): readonly string[] {
  const fields = asked(spec, ['serviceAccountName', 'sts'])
  if (spec.provider !== 'aws') return [...fields, ...unservedProvider(spec)]
  return spec.secretRef ? fields : [...fields, 'spec.provider: aws without secretRef (identities of a cloud: keys are needed)']
}

function unservedOfHelmChart(spec: Pick<HelmChartSpec, 'verify'>): readonly string[] {
  return unservedVerification(spec.verify)
}

function unservedProvider({ provider }: { readonly provider?: string | undefined }): readonly string[] {
  return provider === undefined || provider === 'generic' ? [] : [`spec.provider: ${provider}`]
}

/** Signatures are checked with public keys; without them the roots of Fulcio and Rekor would have to be trusted, which are not here. */
function unservedVerification(verify: OCIRepositorySpec['verify']): readonly string[] {
  if (!verify) return []
  if (verify.provider !== 'cosign') return [`spec.verify.provider: ${verify.provider}`]
  return verify.secretRef ? [] : ['spec.verify without secretRef (keyless signatures: public keys are needed)']
}

const KUSTOMIZED: readonly string[] = ['GitRepository', 'OCIRepository', 'Bucket']

function unservedOfKustomization(spec: KustomizationSpec): readonly string[] {
  return [
    ...asked(spec, ['decryption', 'kubeConfig', 'ignore', 'buildMetadata', 'ignoreMissingComponents']),
    ...(KUSTOMIZED.includes(spec.sourceRef.kind) ? [] : [`spec.sourceRef.kind: ${spec.sourceRef.kind}`]),
  ]
}

function unservedOfHelmRelease({ chart, chartRef, ...spec }: HelmReleaseSpec): readonly string[] {
  return [
    ...asked(spec, ['kubeConfig']),
    ...(chartRef?.kind === 'ExternalArtifact' ? ['spec.chartRef.kind: ExternalArtifact'] : []),
    ...(chart ? unservedOfHelmChart(chart.spec).map((part) => part.replace('spec.', 'spec.chart.spec.')) : []),
  ]
}

function asked<Spec extends object>(spec: Spec, fields: readonly (keyof Spec & string)[]): readonly string[] {
  return fields.filter((field) => !isNothing(spec[field])).map((field) => `spec.${field}`)
}

function isNothing(value: unknown): boolean {
  return value === undefined || value === false || value === '' || (Array.isArray(value) && value.length === 0)
}
