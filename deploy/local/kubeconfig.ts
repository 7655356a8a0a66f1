import { writeFileSync } from 'node:fs'
import { stringify } from 'yaml'
import { LIKE_GO } from '../../proto/model/go-yaml.ts'

/** One way into a cluster: where it is, whom to trust, as whom. Its name is that of the context. */
export interface Access {
  readonly name: string
  readonly server: string
  /** Certificates in PEM that vouch for the server. */
  readonly ca: string
  readonly token: string
  readonly namespace?: string
}

/** Writes a kubeconfig with a context for each access, readable by its owner only. The first is the current one. */
export function writeKubeconfig(path: string, accesses: readonly [Access, ...Access[]]): void {
  const config = {
    apiVersion: 'v1',
    kind: 'Config',
    clusters: accesses.map(({ name, server, ca }) => ({
      name,
      cluster: { server, 'certificate-authority-data': Buffer.from(ca).toString('base64') },
    })),
    users: accesses.map(({ name, token }) => ({ name, user: { token } })),
    contexts: accesses.map(({ name, namespace }) => ({
      name,
      context: { cluster: name, user: name, ...(namespace === undefined ? {} : { namespace }) },
    })),
    'current-context': accesses[0].name,
  }
  writeFileSync(path, stringify(config, LIKE_GO), { mode: 0o600 })
}
