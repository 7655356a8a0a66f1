import { canonicalJson } from '../../proto/base/canonical.ts'
import type { Manifest } from '../../proto/model/manifest.ts'

/**
 * Where the result of a dry-run differs from the live object, as JSON pointers; `[]` when applying would change nothing.
 *
 * Compared are labels, annotations and everything beside metadata and status. Source: Flux, kustomize-controller.
 */
export function differences(live: Manifest, dryRun: Manifest): readonly string[] {
  const before = comparable(live)
  const after = comparable(dryRun)
  return compare(before, after, '')
}

function comparable(object: Manifest): Record<string, unknown> {
  const { metadata, status: _status, ...rest } = object
  const body = object.kind === 'HorizontalPodAutoscaler' ? withoutFalseMetrics(rest) : rest
  return { ...body, metadata: { labels: metadata.labels ?? {}, annotations: metadata.annotations ?? {} } }
}

/** A dry-run of an autoscaler may repeat metrics or leave empty ones (kubernetes/kubernetes#74099). */
function withoutFalseMetrics(body: Record<string, unknown>): Record<string, unknown> {
  const spec = body.spec as { metrics?: unknown } | undefined
  if (!spec || !Array.isArray(spec.metrics)) return body
  const kept = new Map<string, unknown>()
  for (const metric of spec.metrics)
    if (typeof metric === 'object' && metric !== null && Object.keys(metric).length > 0) kept.set(canonicalJson(metric), metric)
  return { ...body, spec: { ...spec, metrics: [...kept.values()] } }
}

function compare(a: unknown, b: unknown, path: string): string[] {
  if (Object.is(a, b)) return []
  if (Array.isArray(a) && Array.isArray(b)) {
    const length = Math.max(a.length, b.length)
    return Array.from({ length }, (_, index) => compare(a[index], b[index], `${path}/${index}`)).flat()
  }
  if (isRecord(a) && isRecord(b)) {
    const keys = [...new Set([...Object.keys(a), ...Object.keys(b)])].sort()
    return keys.flatMap((key) => compare(a[key], b[key], `${path}/${key.replaceAll('~', '~0').replaceAll('/', '~1')}`))
  }
  return [path]
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
