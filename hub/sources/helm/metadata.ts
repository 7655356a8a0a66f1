import { parseDocument } from 'yaml'
import { z } from 'zod'
import { looseVersion } from './pick-chart.ts'

/** What a Chart.yaml says. */
export interface ChartMetadata {
  readonly name: string
  readonly version: string
  readonly dependencies: readonly ChartDependency[]
}

export interface ChartDependency {
  readonly name: string
  readonly repository: string
}

const schema = z.object({
  apiVersion: z.string().min(1),
  name: z.string().regex(/^[A-Za-z0-9][A-Za-z0-9._-]*$/),
  version: z.coerce.string().refine((text) => looseVersion(text) !== undefined),
  dependencies: z.array(z.object({ name: z.string(), repository: z.string().nullish() })).nullish(),
})

/** Reads a Chart.yaml; a sentence where it is none. */
export function readMetadata(text: string): ChartMetadata | { readonly problem: string } {
  const document = parseDocument(text)
  if (document.errors.length > 0) return { problem: `Chart.yaml is no YAML: ${document.errors[0]?.message.split('\n')[0]}` }
  const parsed = schema.safeParse(document.toJS({ maxAliasCount: 100 }))
  if (!parsed.success)
    return {
      problem: `Chart.yaml is not valid: ${parsed.error.issues.map(({ message, path }) => `${path.join('.')}: ${message}`).join('; ')}`,
    }
  const { dependencies, name, version } = parsed.data
  return { name, version, dependencies: (dependencies ?? []).map((one) => ({ name: one.name, repository: one.repository ?? '' })) }
}

/** The Chart.yaml with another version; the rest of it stays as it is. */
export function withVersion(text: string, version: string): string {
  const document = parseDocument(text)
  document.set('version', version)
  return document.toString({ lineWidth: 0 })
}

/** The version with build metadata, as a chart is told apart that was packed with values of its own. */
export function withBuild(version: string, build: string): string {
  const loose = looseVersion(version) ?? version
  return build === '' ? version : `${loose.replace(/\+.*$/, '')}+${build}`
}

/** True for two spellings of one version; build metadata does not count. */
export function sameVersion(a: string, b: string): boolean {
  const core = (text: string) => (looseVersion(text) ?? text).replace(/\+.*$/, '')
  return core(a) === core(b)
}
