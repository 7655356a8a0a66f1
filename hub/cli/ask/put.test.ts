import { expect, test } from 'vitest'
import { FleetError } from '../../../proto/base/errors.ts'
import { PLACEMENT } from '../../../proto/model/fleet/kinds.ts'
import type { Manifest } from '../../../proto/model/manifest.ts'
import type { Session } from '../session.ts'
import { put } from './put.ts'

const manifest: Manifest = {
  apiVersion: 'fleet.flotilla.dev/v1alpha1',
  kind: 'Placement',
  metadata: { name: 'web', namespace: 'shop' },
  spec: { path: './v2' },
}

/** A hub in which somebody writes the object each time before it is written: so often. */
function contended(times: number) {
  let version = 1
  const sent: unknown[] = []
  const stored = () => ({ ...manifest, metadata: { ...manifest.metadata, resourceVersion: String(version) }, spec: { path: './v1' } })
  const hub = {
    find: async () => stored(),
    send: async (_method: string, _path: string, { body }: { readonly body: Manifest }) => {
      if (version <= times) version++
      if (body.metadata.resourceVersion !== String(version)) throw new FleetError('conflict', 'the object has been modified')
      sent.push(body.spec)
      return { ...body, metadata: { ...body.metadata, resourceVersion: 'next' } }
    },
  }
  return { sent, session: { hub: async () => hub, signal: AbortSignal.timeout(5_000) } as unknown as Session }
}

// apply of a Placement whose status was just being written failed, where kubectl goes on.
test('what is written in between, such as a status, is gone on from', async () => {
  const { sent, session } = contended(4)
  expect(await put(session, PLACEMENT, { cluster: undefined, manifest })).toBe('configured')
  expect(sent).toEqual([{ path: './v2' }])
})

test('an object that is written all the time is given up with the words of the hub', async () => {
  const { sent, session } = contended(100)
  await expect(put(session, PLACEMENT, { cluster: undefined, manifest })).rejects.toThrow('the object has been modified')
  expect(sent).toEqual([])
})
