import { stringify } from 'yaml'
import type { Condition } from '../../proto/model/condition.ts'
import { LIKE_GO } from '../../proto/model/go-yaml.ts'
import type { Manifest } from '../../proto/model/manifest.ts'

/** A GitRepository as tests need it; `spec` adds to or replaces what is there. */
export function aGitRepository(name: string, url: string, spec: object = {}, namespace = 'flux-system'): Manifest {
  return {
    apiVersion: 'source.toolkit.fluxcd.io/v1',
    kind: 'GitRepository',
    metadata: { name, namespace },
    spec: { interval: '1m', url, ref: { branch: 'main' }, ...spec },
  }
}

export function aKustomization(name: string, source: string, path: string, spec: object = {}, namespace = 'flux-system'): Manifest {
  return {
    apiVersion: 'kustomize.toolkit.fluxcd.io/v1',
    kind: 'Kustomization',
    metadata: { name, namespace },
    spec: { interval: '10m', path, prune: true, sourceRef: { kind: 'GitRepository', name: source }, ...spec },
  }
}

export function aConfigMap(name: string, data: Readonly<Record<string, string>>, namespace = 'default'): Manifest {
  return { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name, namespace }, data }
}

/** Objects as one YAML stream. */
export function yaml(...objects: readonly Manifest[]): string {
  return objects.map((object) => `---\n${stringify(object, LIKE_GO)}`).join('')
}

/** The Ready condition, if there is one. */
export function readyOf(object: Manifest | undefined): Condition | undefined {
  const status = object?.status as { readonly conditions?: readonly Condition[] } | undefined
  return status?.conditions?.find(({ type }) => type === 'Ready')
}
