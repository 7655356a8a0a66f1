import type { Fetcher, FetchOutcome, FetchRequest } from '../ports.ts'

/** One fetcher for each kind, as one for all. */
export function createFetchers(by: {
  readonly git: Fetcher<'GitRepository'>
  readonly oci: Fetcher<'OCIRepository'>
  readonly bucket: Fetcher<'Bucket'>
  readonly index: Fetcher<'HelmRepository'>
  readonly chart: Fetcher<'HelmChart'>
}): Fetcher {
  return {
    fetch<T>(request: FetchRequest, use: (outcome: FetchOutcome) => Promise<T>, options: { readonly signal: AbortSignal }): Promise<T> {
      switch (request.kind) {
        case 'GitRepository':
          return by.git.fetch(request, use, options)
        case 'OCIRepository':
          return by.oci.fetch(request, use, options)
        case 'Bucket':
          return by.bucket.fetch(request, use, options)
        case 'HelmRepository':
          return by.index.fetch(request, use, options)
        case 'HelmChart':
          return by.chart.fetch(request, use, options)
        default:
          return request satisfies never
      }
    },
  }
}
