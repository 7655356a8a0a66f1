import type { View } from '../model.ts'

/** What a path names: an endpoint of discovery, or a resource. */
export type ApiPath =
  | { readonly kind: 'groups'; readonly view: View; readonly legacy: boolean }
  | { readonly kind: 'group'; readonly view: View; readonly group: string }
  | { readonly kind: 'resources'; readonly view: View; readonly group: string; readonly version: string }
  | { readonly kind: 'openapi'; readonly view: View; readonly of: string }
  | { readonly kind: 'openapi-v2' }
  | { readonly kind: 'version'; readonly view: View }
  | ResourcePath

export interface ResourcePath {
  readonly kind: 'resource'
  readonly view: View
  readonly group: string
  readonly version: string
  readonly namespace: string
  readonly plural: string
  readonly name: string
  readonly subresource: string
}

/** Reads a path as Kubernetes lays them out, below `/`, `/clusters/<name>` or `/clusters/-`; undefined when it names nothing. */
export function parsePath(path: string): ApiPath | undefined {
  const parts = decoded(path)
  if (!parts) return undefined
  const { rest, view } = viewOf(parts)
  const [root = '', ...below] = rest
  if (root === 'version' && below.length === 0) return { kind: 'version', view }
  if (root === 'openapi' && below[0] === 'v2' && below.length === 1) return { kind: 'openapi-v2' }
  if (root === 'openapi' && below[0] === 'v3') return { kind: 'openapi', view, of: below.slice(1).join('/') }
  if (root === 'api') return below.length === 0 ? { kind: 'groups', view, legacy: true } : inVersion(view, '', below)
  if (root !== 'apis') return undefined
  const [group, ...more] = below
  if (group === undefined) return { kind: 'groups', view, legacy: false }
  return more.length === 0 ? { kind: 'group', view, group } : inVersion(view, group, more)
}

function inVersion(view: View, group: string, [version = '', ...parts]: readonly string[]): ApiPath | undefined {
  if (parts.length === 0) return { kind: 'resources', view, group, version }
  const namespaced = parts[0] === 'namespaces' && parts.length > 2 && parts[2] !== 'status'
  const [plural = '', name = '', subresource = '', ...beyond] = namespaced ? parts.slice(2) : parts
  if (beyond.length > 0) return undefined
  return { kind: 'resource', view, group, version, namespace: namespaced ? (parts[1] ?? '') : '', plural, name, subresource }
}

function viewOf(parts: readonly string[]): { readonly view: View; readonly rest: readonly string[] } {
  const [first, cluster, ...rest] = parts
  if (first !== 'clusters' || cluster === undefined) return { view: { kind: 'fleet' }, rest: parts }
  return { view: cluster === '-' ? { kind: 'all' } : { kind: 'cluster', cluster }, rest }
}

function decoded(path: string): readonly string[] | undefined {
  try {
    return path
      .split('/')
      .filter((part) => part !== '')
      .map(decodeURIComponent)
  } catch {
    return undefined
  }
}
