import { FleetError } from '../../proto/base/errors.ts'
import { atOf, type Deps, locate, manifest, parameters, send } from './address.ts'
import type { Ask, Kube, WriteOptions } from './model.ts'

/** The verbs that change something. */
export function createWrites(deps: Deps): Pick<Kube, 'create' | 'apply' | 'patch' | 'remove'> {
  return {
    async create(object, options) {
      const { folder, attempted } = await locate(deps, atOf(object), { verb: 'create', signal: options.signal })
      const path = folder + writeQuery(options)
      return manifest(attempted)(
        await send(deps, object, { verb: 'create', method: 'POST', path, attempted, body: JSON.stringify(object), ...ask(options) }),
      )
    },
    async apply(object, options) {
      const { path, attempted } = await locate(deps, atOf(object), { verb: options.dryRun ? 'dry-run' : 'apply', signal: options.signal })
      const call = {
        verb: options.dryRun ? 'dry-run' : 'apply',
        method: 'PATCH',
        attempted,
        contentType: 'application/apply-patch+yaml',
      } as const
      return manifest(attempted)(
        await send(deps, object, {
          ...call,
          path: path + writeQuery(options, options.force),
          body: JSON.stringify(object),
          ...ask(options),
        }),
      )
    },
    async patch(object, options) {
      const { path, attempted } = await locate(deps, object, { verb: 'patch', signal: options.signal })
      const contentType = options.type === 'json' ? 'application/json-patch+json' : 'application/merge-patch+json'
      const call = { verb: 'patch', method: 'PATCH', attempted, contentType } as const
      return manifest(attempted)(
        await send(deps, object, { ...call, path: path + writeQuery(options), body: JSON.stringify(options.body), ...ask(options) }),
      )
    },
    async remove(object, options) {
      const { path, attempted } = await locate(deps, object, { verb: 'delete', signal: options.signal })
      const preconditions = options.uid ? { preconditions: { uid: options.uid } } : {}
      const body = JSON.stringify({
        kind: 'DeleteOptions',
        apiVersion: 'v1',
        propagationPolicy: options.propagation ?? 'Background',
        ...preconditions,
      })
      try {
        await send(deps, object, { verb: 'delete', method: 'DELETE', path, attempted, body, ...ask(options) })
        return 'deleting'
      } catch (error) {
        if (error instanceof FleetError && error.code === 'not-found') return 'absent'
        throw error
      }
    },
  }
}

function ask(options: Ask): Ask {
  return { signal: options.signal, ...(options.timeoutMs === undefined ? {} : { timeoutMs: options.timeoutMs }) }
}

/** Subresource and query of a write. */
function writeQuery(options: WriteOptions, force?: boolean): string {
  const forced = force === undefined ? {} : { force: String(force) }
  const query = parameters({ fieldManager: options.fieldManager, ...(options.dryRun ? { dryRun: 'All' } : {}), ...forced })
  return (options.subresource ? `/${options.subresource}` : '') + query
}
