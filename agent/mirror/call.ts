import type { Call } from '../../proto/model/call.ts'
import { fluxKind } from '../../proto/model/flux/kinds.ts'
import { isManifest, type Manifest } from '../../proto/model/manifest.ts'
import { versionOf } from '../../proto/model/object-ref.ts'

/** A call as one request to the API server. */
export interface CallRequest {
  readonly method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE'
  /** Path and query. */
  readonly path: string
  readonly contentType?: string
  readonly body?: string
}

/** Why a call is not carried out, as Kubernetes would say it. */
export interface CallRefusal {
  readonly code: number
  readonly reason: string
  readonly message: string
}

const READS = ['get', 'list', 'diff']

/** What a call asks of the API server, or why it is refused here: only Flux kinds pass, and Secrets to be written. */
export function requestOf(call: Call): CallRequest | CallRefusal {
  const { object, apiVersion, verb } = call
  const isSecret = object.group === '' && object.kind === 'Secret' && apiVersion === 'v1'
  const kind = fluxKind(object.group, object.kind)
  if (!isSecret && (!kind || kind.version !== versionOf(apiVersion)))
    return forbidden(`${object.kind} in ${apiVersion}: only Flux kinds and Secrets pass through the hub`)
  if (isSecret && READS.includes(verb)) return forbidden('Secrets are write-only through the hub')
  if (object.namespace === '' && verb !== 'list') return bad('namespace not specified')
  const folder = folderOf(apiVersion, object.namespace, kind?.plural ?? 'secrets')
  const one = `${folder}/${encodeURIComponent(object.name)}`
  switch (verb) {
    case 'get':
    // What is compared is the object as the caller may read it.
    case 'diff':
      return { method: 'GET', path: one }
    case 'list':
      return { method: 'GET', path: folder + query({ labelSelector: call.labelSelector }) }
    case 'create':
    case 'update':
      return written(call, verb === 'create' ? folder : one)
    case 'patch-merge':
      return { method: 'PATCH', path: one + writeQuery(call), contentType: 'application/merge-patch+json', body: textOf(call) }
    case 'patch-json':
      return { method: 'PATCH', path: one + writeQuery(call), contentType: 'application/json-patch+json', body: textOf(call) }
    case 'delete':
      return { method: 'DELETE', path: one + query({ dryRun: call.dryRun ? 'All' : '' }), body: textOf(call) || '{}' }
    default:
      return verb satisfies never
  }
}

/** The answer's object without what somebody who may write a Secret need not be shown. */
export function withoutSecrets(value: unknown): unknown {
  if (!isManifest(value) || value.kind !== 'Secret') return value
  const { data: _data, stringData: _text, ...rest } = value
  const { managedFields: _fields, annotations, ...metadata } = rest.metadata
  const { 'kubectl.kubernetes.io/last-applied-configuration': _applied, ...kept } = annotations ?? {}
  return { ...rest, metadata: { ...metadata, ...(Object.keys(kept).length > 0 ? { annotations: kept } : {}) } }
}

function written(call: Call, path: string): CallRequest | CallRefusal {
  const manifest = parse(textOf(call))
  if (!isManifest(manifest)) return bad('the body is not a Kubernetes object')
  const { object, apiVersion, resourceVersion } = call
  const { metadata } = manifest
  if (manifest.kind !== object.kind || manifest.apiVersion !== apiVersion || (metadata.name !== object.name && object.name !== ''))
    return bad(`the body is ${manifest.kind} ${metadata.name}, not ${object.kind} ${object.name}`)
  if (metadata.namespace !== undefined && metadata.namespace !== object.namespace)
    return bad('the namespace of the body is not that of the request')
  const versioned: Manifest = {
    ...manifest,
    metadata: { ...metadata, namespace: object.namespace, ...(resourceVersion && call.verb === 'update' ? { resourceVersion } : {}) },
  }
  const method = call.verb === 'create' ? 'POST' : 'PUT'
  return { method, path: path + writeQuery(call), contentType: 'application/json', body: JSON.stringify(versioned) }
}

function folderOf(apiVersion: string, namespace: string, plural: string): string {
  const root = apiVersion.includes('/') ? `/apis/${apiVersion}` : `/api/${apiVersion}`
  return namespace === '' ? `${root}/${plural}` : `${root}/namespaces/${encodeURIComponent(namespace)}/${plural}`
}

function writeQuery({ dryRun, fieldManager }: Call): string {
  return query({ dryRun: dryRun ? 'All' : '', fieldManager })
}

function query(values: Readonly<Record<string, string>>): string {
  const given = Object.entries(values).filter(([, value]) => value !== '')
  return given.length === 0 ? '' : `?${new URLSearchParams(given).toString()}`
}

function textOf({ body }: Call): string {
  return Buffer.from(body).toString('utf8')
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

function forbidden(message: string): CallRefusal {
  return { code: 403, reason: 'Forbidden', message }
}

function bad(message: string): CallRefusal {
  return { code: 400, reason: 'BadRequest', message }
}
