import { stringify } from 'yaml'
import type { Manifest } from '../../../proto/model/manifest.ts'
import { KUSTOMIZE_GROUP, PLATFORM_NAMESPACE, SOURCE_GROUP } from '../../../proto/model/names.ts'
import { refKey } from '../../../proto/model/object-ref.ts'

/** Namespace of everything that the Kustomizations of the bench apply. */
export const APPS_NAMESPACE = 'bench-apps'
export const SOURCE_NAME = 'fleet'
export const appName = (index: number): string => `app-${String(index).padStart(4, '0')}`

/** What one directory holds: a Deployment of no pods, its ServiceAccount, a Service, a ConfigMap. */
export function appObjects(name: string, value: string, namespace = APPS_NAMESPACE): readonly Manifest[] {
  const labels = { app: name }
  const metadata = { name, namespace, labels }
  const container = { name: 'app', image: 'registry.example.com/app:1.0.0', ports: [{ containerPort: 8080 }] }
  return [
    { apiVersion: 'v1', kind: 'ServiceAccount', metadata },
    { apiVersion: 'v1', kind: 'ConfigMap', metadata, data: { value, 'app.conf': 'listen 8080\nworkers 4\n' } },
    { apiVersion: 'v1', kind: 'Service', metadata, spec: { selector: labels, ports: [{ port: 80, targetPort: 8080 }] } },
    {
      apiVersion: 'apps/v1',
      kind: 'Deployment',
      metadata,
      spec: {
        replicas: 0,
        selector: { matchLabels: labels },
        template: { metadata: { labels }, spec: { serviceAccountName: name, containers: [container] } },
      },
    },
  ]
}

/** The directory of an app: a file for each object, no kustomization.yaml, as in many Flux repositories. */
export function appFiles(name: string, value: string): Readonly<Record<string, string>> {
  return Object.fromEntries(appObjects(name, value).map((object) => [`apps/${name}/${object.kind.toLowerCase()}.yaml`, stringify(object)]))
}

/** A commit that changes one object of an app. */
export function configMapFile(name: string, value: string): Readonly<Record<string, string>> {
  const [entry] = Object.entries(appFiles(name, value)).filter(([file]) => file.endsWith('/configmap.yaml'))
  return entry ? { [entry[0]]: entry[1] } : {}
}

export function gitRepository(url: string, interval: string, { branch = 'main', name = SOURCE_NAME } = {}): Manifest {
  return {
    apiVersion: `${SOURCE_GROUP}/v1`,
    kind: 'GitRepository',
    metadata: { name, namespace: PLATFORM_NAMESPACE },
    spec: { interval, url, ref: { branch } },
  }
}

/** Key of a GitRepository of the bench. */
export const sourceKey = (name: string): string =>
  refKey({ group: SOURCE_GROUP, kind: 'GitRepository', namespace: PLATFORM_NAMESPACE, name })

export function kustomization(name: string, interval: string, source = SOURCE_NAME): Manifest {
  return {
    apiVersion: `${KUSTOMIZE_GROUP}/v1`,
    kind: 'Kustomization',
    metadata: { name, namespace: PLATFORM_NAMESPACE },
    spec: { interval, path: `./apps/${name}`, prune: true, wait: true, sourceRef: { kind: 'GitRepository', name: source } },
  }
}
