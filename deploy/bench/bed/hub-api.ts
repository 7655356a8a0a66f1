import { readFileSync } from 'node:fs'
import { FleetError } from '../../../proto/base/errors.ts'
import type { Manifest } from '../../../proto/model/manifest.ts'
import { FLEET_GROUP, FLEET_VERSION } from '../../../proto/model/names.ts'
import { openAdmin } from '../../local/cluster/admin.ts'

/** The hub's API as its administrator, as far as the bench needs it. */
export interface HubApi extends AsyncDisposable {
  readonly ca: string
  /** Text of a token that so many clusters may join with, at once and without being asked. */
  joinToken(uses: number, signal: AbortSignal): Promise<string>
  clusters(signal: AbortSignal): Promise<readonly Manifest[]>
  /** Makes an object of the fleet. */
  create(plural: string, object: Manifest, signal: AbortSignal): Promise<void>
  /** Text of any path. */
  get(path: string, signal: AbortSignal): Promise<string>
}

const ROOT = `/apis/${FLEET_GROUP}/${FLEET_VERSION}`

/** @param cliConfig  the file that the hub writes for its administrator */
export function openHubApi(cliConfig: string): HubApi {
  const { server, ca, token }: { server: string; ca: string; token: string } = JSON.parse(readFileSync(cliConfig, 'utf8'))
  const admin = openAdmin(server, ca, token)
  const ask = async (method: string, path: string, o: { readonly signal: AbortSignal; readonly body?: unknown }) => {
    const { status, text } = await admin.request(method, path, o)
    if (status >= 400) throw new FleetError('unavailable', `${method} ${path} at the hub: ${status}: ${text}`)
    return text
  }
  return {
    ca,
    get: (path, signal) => ask('GET', path, { signal }),
    async joinToken(uses, signal) {
      const body = {
        apiVersion: `${FLEET_GROUP}/${FLEET_VERSION}`,
        kind: 'JoinToken',
        metadata: { name: 'new' },
        spec: { uses, approve: true },
      }
      return JSON.parse(await ask('POST', `${ROOT}/jointokens`, { signal, body })).status.token
    },
    async create(plural, object, signal) {
      await ask('POST', `${ROOT}/namespaces/${object.metadata.namespace}/${plural}`, { signal, body: object })
    },
    async clusters(signal) {
      return JSON.parse(await ask('GET', `${ROOT}/clusters`, { signal })).items
    },
    [Symbol.asyncDispose]: () => admin[Symbol.asyncDispose](),
  }
}
