import { FleetError } from '../../proto/base/errors.ts'
import type { Manifest } from '../../proto/model/manifest.ts'
import { type Deps, locate, locateSet, manifest, parameters, send } from './address.ts'
import { statusError } from './classify.ts'
import type { Collection, Kube, WatchEvent } from './model.ts'

/** The verbs that change nothing. */
export function createReads(deps: Deps): Pick<Kube, 'get' | 'list' | 'watch' | 'may'> {
  return {
    async get(object, ask) {
      const { path, attempted } = await locate(deps, object, { verb: 'get', signal: ask.signal })
      try {
        return manifest(attempted)(await send(deps, object, { verb: 'get', method: 'GET', path, attempted, ...ask }))
      } catch (error) {
        if (error instanceof FleetError && error.code === 'not-found') return undefined
        throw error
      }
    },
    async *list(of, { limit, ...ask }) {
      const { path, attempted } = await locateSet(deps, of, { verb: 'list', signal: ask.signal })
      for (let next = ''; ; ) {
        const query = parameters({ ...selectors(of), limit: String(limit ?? 250), continue: next })
        const page = readList(
          of,
          await send(deps, of, {
            verb: 'list',
            method: 'GET',
            path: path + query,
            attempted,
            ...accepting(of, 'PartialObjectMetadataList'),
            ...ask,
          }),
        )
        yield page
        if (page.next === '') return
        next = page.next
      }
    },
    watch: (of, options) => watch(deps, of, options),
    async may(question, ask) {
      const apiVersion = 'authorization.k8s.io/v1'
      const body = JSON.stringify({ apiVersion, kind: 'SelfSubjectAccessReview', spec: { resourceAttributes: question } })
      const attempted = `ask whether ${question.verb} on ${question.resource} is allowed`
      const path = `/apis/${apiVersion}/selfsubjectaccessreviews`
      const answer = await send(deps, { apiVersion }, { verb: 'create', method: 'POST', path, attempted, body, ...ask })
      return (answer as { status?: { allowed?: unknown } }).status?.allowed === true
    },
  }
}

async function* watch(
  deps: Deps,
  of: Collection,
  o: { readonly resourceVersion: string; readonly signal: AbortSignal },
): AsyncGenerator<WatchEvent> {
  const { path, attempted } = await locateSet(deps, of, { verb: 'watch', signal: o.signal })
  const timeoutSeconds = String(Math.round(300 + 300 * deps.chance()))
  const query = parameters({
    ...selectors(of),
    watch: '1',
    allowWatchBookmarks: 'true',
    timeoutSeconds,
    resourceVersion: o.resourceVersion,
  })
  for await (const line of deps.transport.lines({
    verb: 'watch',
    method: 'GET',
    path: path + query,
    attempted,
    as: deps.as,
    signal: o.signal,
    ...accepting(of, 'PartialObjectMetadata'),
  }))
    yield readEvent(of, line, attempted)
}

function readEvent(of: Collection, line: string, attempted: string): WatchEvent {
  const { type, object: told } = JSON.parse(line) as { type?: string; object?: Manifest }
  const isWhole = type === 'ERROR' || !of.metadataOnly
  const object = told && !isWhole ? { ...told, apiVersion: of.apiVersion, kind: of.kind } : told
  if (!object) throw new FleetError('unavailable', `${attempted}: an event without an object`)
  switch (type) {
    case 'ADDED':
    case 'MODIFIED':
      return { kind: 'upsert', object }
    case 'DELETED':
      return { kind: 'delete', object }
    case 'BOOKMARK':
      return { kind: 'bookmark', resourceVersion: object.metadata.resourceVersion ?? '' }
    default: {
      const { code, reason, message } = object as unknown as { code?: number; reason?: string; message?: string }
      throw statusError({ code: code ?? 500, reason: reason ?? '', message: message ?? 'the watch failed' }, attempted)
    }
  }
}

function readList(of: Collection, value: unknown): { readonly items: Manifest[]; readonly resourceVersion: string; readonly next: string } {
  const { items, metadata } = value as { items?: Manifest[]; metadata?: { resourceVersion?: string; continue?: string } }
  // Items of a list come without apiVersion and kind.
  const whole = (items ?? []).map((item) => ({ ...item, apiVersion: of.apiVersion, kind: of.kind }))
  return { items: whole, resourceVersion: metadata?.resourceVersion ?? '', next: metadata?.continue ?? '' }
}

/** Metadata alone come as objects of another kind. Source: Kubernetes API concepts, "Receiving resources as partial object metadata". */
function accepting({ metadataOnly }: Collection, as: 'PartialObjectMetadata' | 'PartialObjectMetadataList'): { readonly accept?: string } {
  return metadataOnly ? { accept: `application/json;as=${as};g=meta.k8s.io;v=v1` } : {}
}

function selectors(of: Collection): Record<string, string> {
  return { labelSelector: of.labelSelector ?? '', fieldSelector: of.fieldSelector ?? '' }
}
