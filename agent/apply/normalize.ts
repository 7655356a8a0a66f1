import type { Manifest } from '../../proto/model/manifest.ts'
import { OWNER_NAME_LABEL, OWNER_NAMESPACE_LABEL } from '../../proto/model/names.ts'
import type { Owner } from '../drift/model.ts'

type Fields = Readonly<Record<string, unknown>>

/** Where each kind keeps its pod template. */
const POD_SPEC: Readonly<Record<string, readonly string[]>> = {
  Pod: ['spec'],
  Deployment: ['spec', 'template', 'spec'],
  StatefulSet: ['spec', 'template', 'spec'],
  DaemonSet: ['spec', 'template', 'spec'],
  ReplicaSet: ['spec', 'template', 'spec'],
  ReplicationController: ['spec', 'template', 'spec'],
  Job: ['spec', 'template', 'spec'],
  CronJob: ['spec', 'jobTemplate', 'spec', 'template', 'spec'],
}

/**
 * The object as it is applied: what the API server would reject or change silently is taken out or filled in, so that
 * a second apply finds no difference. Source: Flux, kustomize-controller.
 */
export function normalize(object: Manifest): Manifest {
  const { status, ...rest } = object
  const bare: Manifest = { ...rest, metadata: withoutNullTime(object.metadata) }
  switch (object.kind) {
    case 'CustomResourceDefinition':
      return withoutBadBundle(status === undefined ? bare : { ...bare, status })
    case 'Secret':
      return object.apiVersion === 'v1' ? withData(bare) : bare
    case 'Service':
      return object.apiVersion === 'v1' ? edit(bare, ['spec', 'ports'], withProtocols) : bare
    default: {
      const path = POD_SPEC[object.kind]
      return path && /^(v1|apps\/v1|batch\/v1)$/.test(object.apiVersion) ? edit(bare, path, withPortProtocols) : bare
    }
  }
}

/** The object with the labels that say which Kustomization it belongs to. */
export function withOwner(object: Manifest, owner: Owner): Manifest {
  const labels = { ...object.metadata.labels, [OWNER_NAME_LABEL]: owner.name, [OWNER_NAMESPACE_LABEL]: owner.namespace }
  return { ...object, metadata: { ...object.metadata, labels } }
}

/** The object without the namespace that a transformer gave it although its kind has none. */
export function withoutNamespace(object: Manifest): Manifest {
  const { namespace: _namespace, ...metadata } = object.metadata
  return { ...object, metadata }
}

function withoutNullTime(metadata: Manifest['metadata']): Manifest['metadata'] {
  const { creationTimestamp, managedFields: _managers, ...rest } = metadata
  return creationTimestamp ? { ...rest, creationTimestamp } : rest
}

function withData(secret: Manifest): Manifest {
  const { stringData, ...rest } = secret
  if (!isFields(stringData)) return rest
  const encoded = Object.entries(stringData).map(([key, value]) => [key, Buffer.from(String(value), 'utf8').toString('base64')])
  return { ...rest, data: { ...(isFields(secret.data) ? secret.data : {}), ...Object.fromEntries(encoded) } } as Manifest
}

function withPortProtocols(pod: unknown): unknown {
  if (!isFields(pod)) return pod
  const fill = (containers: unknown) =>
    Array.isArray(containers) ? containers.map((one) => edit(one, ['ports'], withProtocols)) : containers
  const filled = ['containers', 'initContainers'].filter((key) => key in pod).map((key) => [key, fill(pod[key])])
  return { ...pod, ...Object.fromEntries(filled) }
}

function withProtocols(ports: unknown): unknown {
  return Array.isArray(ports) ? ports.map((port) => (isFields(port) && !port.protocol ? { ...port, protocol: 'TCP' } : port)) : ports
}

/** A bundle that is no certificate makes the API server refuse the whole definition; cert-manager fills it in later. */
function withoutBadBundle(definition: Manifest): Manifest {
  const path = ['spec', 'conversion', 'webhook', 'clientConfig']
  return edit(definition, path, (config) => {
    if (!isFields(config) || typeof config.caBundle !== 'string' || isCertificate(config.caBundle)) return config
    const { caBundle: _bundle, ...rest } = config
    return rest
  })
}

function isCertificate(base64: string): boolean {
  return Buffer.from(base64, 'base64').toString('latin1').includes('-----BEGIN CERTIFICATE-----')
}

/** A copy with the value at `path` replaced, where there is one. */
function edit<T>(value: T, path: readonly string[], change: (inner: unknown) => unknown): T {
  const [key, ...rest] = path
  if (key === undefined) return change(value) as T
  if (!isFields(value) || value[key] === undefined) return value
  return { ...value, [key]: edit(value[key], rest, change) }
}

function isFields(value: unknown): value is Fields {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
