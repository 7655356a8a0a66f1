import type { SourceObject } from '../../proto/model/flux/source/kinds.ts'

/** A Secret that an object refers to, and what of it the referring field defines: nothing else of it leaves the cluster. */
export interface SecretUse {
  readonly name: string
  readonly takes: (key: string) => boolean
  /** Put before each key: what two Secrets call by the same name is not the same. */
  readonly under?: string
}

const TLS_KEYS = ['ca.crt', 'caFile', 'tls.crt', 'certFile', 'tls.key', 'keyFile']
const GIT_KEYS = ['username', 'password', 'bearerToken', 'identity', 'identity.pub', 'known_hosts', 'githubAppID', ...TLS_KEYS]
const OCI_KEYS = ['.dockerconfigjson']
const BUCKET_KEYS = ['accesskey', 'secretkey']
/** Certificates beside user and password: how it was written before there was a field for them. */
const HELM_KEYS = ['username', 'password', 'caFile', 'certFile', 'keyFile', ...OCI_KEYS]
const CERT_KEYS = ['ca.crt', 'tls.crt', 'tls.key']
const PROXY_KEYS = ['address', 'username', 'password']

/** The Secrets of a source object, and the keys of each that count. Source: Flux, source-controller. */
export function secretsOf(object: SourceObject): readonly SecretUse[] {
  switch (object.kind) {
    case 'GitRepository':
      return [...used(object.spec.secretRef, GIT_KEYS), ...proxy(object.spec.proxySecretRef)]
    case 'OCIRepository':
      return [
        ...used(object.spec.secretRef, OCI_KEYS),
        ...used(object.spec.certSecretRef, CERT_KEYS),
        ...signers(object.spec.verify?.secretRef),
        ...proxy(object.spec.proxySecretRef),
      ]
    case 'Bucket':
      return [
        ...used(object.spec.secretRef, BUCKET_KEYS),
        ...used(object.spec.certSecretRef, CERT_KEYS),
        ...proxy(object.spec.proxySecretRef),
      ]
    case 'HelmRepository':
      return [...used(object.spec.secretRef, HELM_KEYS), ...used(object.spec.certSecretRef, CERT_KEYS)]
    case 'HelmChart':
      return signers(object.spec.verify?.secretRef)
    default:
      return object satisfies never
  }
}

/** The members of a Secret's data that are taken, decoded. */
export function credentialIn(data: Readonly<Record<string, unknown>>, { takes, under = '' }: SecretUse): Readonly<Record<string, string>> {
  const found = Object.entries(data).flatMap(([key, value]) =>
    takes(key) && typeof value === 'string' ? [[`${under}${key}`, Buffer.from(value, 'base64').toString('utf8')] as const] : [],
  )
  return Object.fromEntries(found)
}

/** Public keys, under whatever name ends like one. */
function signers(ref: { readonly name: string } | undefined): readonly SecretUse[] {
  return ref ? [{ name: ref.name, takes: (key) => key.endsWith('.pub') }] : []
}

function proxy(ref: { readonly name: string } | undefined): readonly SecretUse[] {
  return used(ref, PROXY_KEYS).map((use) => ({ ...use, under: 'proxy.' }))
}

function used(ref: { readonly name: string } | undefined, keys: readonly string[]): readonly SecretUse[] {
  return ref ? [{ name: ref.name, takes: (key) => keys.includes(key) }] : []
}
