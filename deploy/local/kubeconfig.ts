import { writeFileSync } from 'node:fs'
import { stringify } from 'yaml'

/** One way into a cluster: where it is, whom to trust, as whom. */
export interface Access {
  readonly cluster: string
  readonly server: string
  /** Certificates in PEM that vouch for the server. */
  readonly ca: string
  readonly token: string
  readonly namespace?: string
}

/** Writes a kubeconfig with one context, readable by its owner only. */
export function writeKubeconfig(path: string, access: Access): void {
  const { cluster, server, ca, token, namespace } = access
  const config = {
    apiVersion: 'v1',
    kind: 'Config',
    clusters: [{ name: cluster, cluster: { server, 'certificate-authority-data': Buffer.from(ca).toString('base64') } }],
    users: [{ name: cluster, user: { token } }],
    contexts: [{ name: cluster, context: { cluster, user: cluster, ...(namespace === undefined ? {} : { namespace }) } }],
    'current-context': cluster,
  }
  writeFileSync(path, stringify(config), { mode: 0o600 })
}
