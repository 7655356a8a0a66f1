import { stringify } from 'yaml'
import type { Manifest } from '../../../proto/model/manifest.ts'
import { HELM_GROUP, PLATFORM_NAMESPACE } from '../../../proto/model/names.ts'
import { APPS_NAMESPACE, SOURCE_NAME } from './workload.ts'

const CHART = 'app'
const NAME = '{{ .Release.Name }}'

/** A small chart of the repository: what an app of the other cases is, with a value in its ConfigMap. */
export function chartFiles(version: string): Readonly<Record<string, string>> {
  const labels = () => ({ app: NAME })
  const container = { name: 'app', image: 'registry.example.com/app:1.0.0', ports: [{ containerPort: 8080 }] }
  const template = { metadata: { labels: labels() }, spec: { serviceAccountName: NAME, containers: [container] } }
  const objects = {
    serviceaccount: { apiVersion: 'v1', kind: 'ServiceAccount', metadata: { name: NAME } },
    configmap: { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: NAME }, data: { value: '{{ .Values.value }}' } },
    service: {
      apiVersion: 'v1',
      kind: 'Service',
      metadata: { name: NAME },
      spec: { selector: labels(), ports: [{ port: 80, targetPort: 8080 }] },
    },
    deployment: {
      apiVersion: 'apps/v1',
      kind: 'Deployment',
      metadata: { name: NAME },
      spec: { replicas: 0, selector: { matchLabels: labels() }, template },
    },
  }
  const files = {
    'Chart.yaml': { apiVersion: 'v2', name: CHART, version, appVersion: version },
    'values.yaml': { value: 'none' },
    ...Object.fromEntries(Object.entries(objects).map(([name, object]) => [`templates/${name}.yaml`, object])),
  }
  return Object.fromEntries(Object.entries(files).map(([file, object]) => [`charts/${CHART}/${file}`, stringify(object)]))
}

export function helmRelease(name: string, { interval, value }: { readonly interval: string; readonly value: string }): Manifest {
  const sourceRef = { kind: 'GitRepository', name: SOURCE_NAME }
  return {
    apiVersion: `${HELM_GROUP}/v2`,
    kind: 'HelmRelease',
    metadata: { name, namespace: PLATFORM_NAMESPACE },
    spec: {
      interval,
      releaseName: name,
      targetNamespace: APPS_NAMESPACE,
      chart: { spec: { chart: `./charts/${CHART}`, sourceRef } },
      values: { value },
    },
  }
}
