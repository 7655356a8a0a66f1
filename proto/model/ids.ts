/** A string that only its parser may make. */
export type Brand<Name extends string> = string & { readonly __brand: Name }

/** What is wrong with a value that people or agents gave; `path` says where in it. */
export interface Problem {
  readonly path: string
  readonly message: string
}

export type ClusterId = Brand<'ClusterId'>

const CLUSTER_ID = /^c-[0-9a-f]{24}$/
const DNS_LABEL = /^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$/
const DNS_SUBDOMAIN = /^[a-z0-9]([-a-z0-9.]{0,251}[a-z0-9])?$/

/** The exact cluster id, or undefined: no prefix, no other case, no white space. */
export function parseClusterId(text: string): ClusterId | undefined {
  return CLUSTER_ID.test(text) ? (text as ClusterId) : undefined
}

/** RFC 1123 label: names of namespaces, tenants and clusters. */
export function isDnsLabel(text: string): boolean {
  return DNS_LABEL.test(text)
}

/** RFC 1123 subdomain: names of most Kubernetes objects. */
export function isDnsSubdomain(text: string): boolean {
  return DNS_SUBDOMAIN.test(text)
}
