import type { FluxObject } from '../../../proto/model/flux/kinds.ts'
import type { Bucket, GitRepository, HelmRepository, OCIRepository } from '../../../proto/model/flux/source/kinds.ts'
import { bucketUrl } from '../bucket/address.ts'
import type { BucketOptions, GitOptions } from '../model.ts'
import { type Asked, stalled, type Unserved } from './asked.ts'

/** A place in a registry that is only looked up: nothing of it is fetched by itself. */
export interface Static {
  readonly static: true
}

/** What a repository of any kind asks for; undefined for objects that are none. */
export function askedOfRepository(object: FluxObject): Asked | Unserved | Static | undefined {
  switch (object.kind) {
    case 'GitRepository':
      return askedOfGit(object)
    case 'OCIRepository':
      return askedOfOci(object)
    case 'Bucket':
      return askedOfBucket(object)
    case 'HelmRepository':
      return askedOfHelm(object)
    default:
      return undefined
  }
}

/** What of a GitRepository decides which commit and files it has. */
export function gitOptions({ spec }: GitRepository): GitOptions {
  return {
    ref: spec.ref ?? {},
    ...(spec.ignore === undefined ? {} : { ignore: spec.ignore }),
    ...(spec.proxySecretRef ? { proxied: true } : {}),
  }
}

/** Where a bucket is, and what of it decides which objects it has. */
export function bucketPlace({ spec }: Bucket): { readonly url: string; readonly options: BucketOptions } | Unserved {
  const { bucketName, ignore, prefix, proxySecretRef, region, secretRef } = spec
  const found = bucketUrl(spec)
  if ('problem' in found) return stalled('URLInvalid', found.problem)
  const options = {
    bucket: bucketName,
    ...(prefix ? { prefix } : {}),
    ...(ignore === undefined ? {} : { ignore }),
    ...(region ? { region } : {}),
    ...(secretRef ? { keyed: true as const } : {}),
    ...(proxySecretRef ? { proxied: true as const } : {}),
  }
  return { url: found.url, options }
}

function askedOfBucket(object: Bucket): Asked | Unserved {
  const place = bucketPlace(object)
  const { interval, timeout } = object.spec
  return 'problem' in place ? place : { kind: 'Bucket', ...place, interval, timeout }
}

function askedOfGit(object: GitRepository): Asked | Unserved {
  const { interval, proxySecretRef, timeout, url } = object.spec
  if (proxySecretRef && url.startsWith('ssh:'))
    return stalled('GitOperationFailed', 'spec.proxySecretRef names an http proxy, which does not carry ssh; use an http(s) address')
  return { kind: 'GitRepository', options: gitOptions(object), url, interval, timeout }
}

function askedOfOci({ spec }: OCIRepository): Asked | Unserved {
  const { ignore, insecure, interval, layerSelector, proxySecretRef, ref, timeout, url, verify } = spec
  if (/[:@][^/]*$/.test(url.slice('oci://'.length).replace(/^[^/]*/, '')))
    return stalled('URLInvalid', `URL validation failed for '${url}': the address must be without tag and digest`)
  const options = {
    ref: ref ?? {},
    ...(ignore === undefined ? {} : { ignore }),
    ...(layerSelector?.mediaType ? { mediaType: layerSelector.mediaType } : {}),
    ...(layerSelector?.operation === 'copy' ? { copy: true as const } : {}),
    ...(insecure ? { insecure: true as const } : {}),
    ...(verify ? { signed: true as const } : {}),
    ...(proxySecretRef ? { proxied: true as const } : {}),
  }
  return { kind: 'OCIRepository', options, url, interval, timeout }
}

const DEFAULT_INTERVAL = '1m'

function askedOfHelm({ spec }: HelmRepository): Asked | Unserved | Static {
  const { interval = DEFAULT_INTERVAL, passCredentials, timeout, type, url } = spec
  const isOci = url.startsWith('oci://')
  if (type === 'oci') return isOci ? { static: true } : stalled('URLInvalid', `invalid OCI registry URL: ${url}`)
  if (isOci) return stalled('URLInvalid', "invalid Helm repository URL: 'oci' URL scheme cannot be used with 'default' HelmRepository type")
  const options = passCredentials ? { passCredentials: true as const } : {}
  return { kind: 'HelmRepository', options, url, interval, timeout }
}
