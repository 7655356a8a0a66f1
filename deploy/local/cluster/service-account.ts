import { readFileSync } from 'node:fs'
import { FleetError } from '../../../proto/base/errors.ts'
import type { ControlPlane } from '../control-plane.ts'
import { writeKubeconfig } from '../kubeconfig.ts'

/** A ServiceAccount, and where the kubeconfig that acts as it goes. */
export interface ServiceAccountAccess {
  readonly namespace: string
  readonly name: string
  /** Absolute path of the kubeconfig to write (0600). */
  readonly file: string
  /** How long the token is good for, in seconds; a year when not given. */
  readonly lifeSeconds?: number
  readonly signal: AbortSignal
}

const YEAR_SECONDS = 365 * 24 * 3600

/** Writes a kubeconfig with a fresh token of an existing ServiceAccount: that account's rights and no others. Returns its path. */
export async function writeServiceAccountKubeconfig(plane: ControlPlane, access: ServiceAccountAccess): Promise<string> {
  const { namespace, name, file, lifeSeconds = YEAR_SECONDS, signal } = access
  const body = { apiVersion: 'authentication.k8s.io/v1', kind: 'TokenRequest', spec: { expirationSeconds: lifeSeconds } }
  const answer = await plane.request('POST', `/api/v1/namespaces/${namespace}/serviceaccounts/${name}/token`, { signal, body })
  if (answer.status !== 201)
    throw new FleetError('not-found', `get a token of ServiceAccount ${namespace}/${name} in ${plane.name}: ${answer.text}`)
  const { token } = JSON.parse(answer.text).status
  writeKubeconfig(file, [{ name: plane.name, server: plane.server, ca: readFileSync(plane.caFile, 'utf8'), token, namespace }])
  return file
}
