import { FleetError } from '../../../proto/base/errors.ts'
import type { Manifest } from '../../../proto/model/manifest.ts'
import { VERBS, type Verb } from '../../tenants/model.ts'
import type { ApiRequest, ApiResponse, Served, Target, View } from '../model.ts'
import type { ApiParts } from '../ports.ts'
import { parseBody } from '../request/body.ts'
import { resourcesOf } from '../resources.ts'
import { placeOf } from './place.ts'

type Parts = Pick<ApiParts, 'tenants' | 'clusters'>

interface Attributes {
  readonly namespace?: string
  readonly verb?: string
  readonly group?: string
  readonly resource?: string
  readonly subresource?: string
  readonly name?: string
}

/** Who am I, may I, what may I: answered by the same decision that stands before every request. */
export async function review(
  parts: Parts,
  request: ApiRequest,
  { plural, view }: { readonly plural: string; readonly view: View },
): Promise<ApiResponse | undefined> {
  const given = (parseBody(request.body, request.contentType) ?? {}) as Manifest
  const answer = async () => {
    switch (plural) {
      case 'selfsubjectaccessreviews':
        return accessReview(parts, request, {
          view,
          spec: (given.spec ?? {}) as { resourceAttributes?: Attributes; nonResourceAttributes?: unknown },
        })
      case 'selfsubjectrulesreviews':
        return rulesReview(parts, request, { view, namespace: (given.spec as { namespace?: string } | undefined)?.namespace ?? '' })
      case 'selfsubjectreviews':
        return {
          userInfo: {
            username: request.subject.name,
            groups: [request.subject.role, ...(request.subject.tenant ? [`tenant:${request.subject.tenant}`] : [])],
          },
        }
      default:
        return undefined
    }
  }
  const status = await answer()
  return status && { kind: 'json', code: 201, body: { ...given, status } }
}

async function accessReview(
  parts: Parts,
  request: ApiRequest,
  { spec, view }: { readonly view: View; readonly spec: { resourceAttributes?: Attributes; nonResourceAttributes?: unknown } },
) {
  const { resourceAttributes: wanted } = spec
  if (!wanted) return { allowed: spec.nonResourceAttributes !== undefined }
  const { group = '', name = '', namespace = '', resource = '', verb = '' } = wanted
  const everything = resource === '*' || verb === '*'
  if (everything) return { allowed: request.subject.role === 'admin' && request.subject.tenant === undefined }
  const served = resourcesOf(view).find((one) => one.resource.plural === resource && (group === '*' || one.resource.group === group))
  if (!served) return { allowed: false, reason: 'nothing of this kind is served here' }
  const known = VERBS.find((one) => one === verb)
  if (!known || !(served.verbs.includes(known) || served.subresources.includes(known)))
    return { allowed: false, reason: `${resource} cannot be asked to ${verb}` }
  return {
    allowed: await allowed(parts, request, {
      view,
      served,
      verb: known,
      namespace: served.resource.namespaced ? namespace : '',
      name,
      subresource: '',
    }),
  }
}

async function rulesReview(parts: Parts, request: ApiRequest, { namespace, view }: { readonly view: View; readonly namespace: string }) {
  const rules = await Promise.all(
    resourcesOf(view).map(async (served) => {
      const target = { view, served, namespace: served.resource.namespaced ? namespace : '', name: '', subresource: '' }
      const verbs = await granted(parts, request, { served, target })
      return { verbs, apiGroups: [served.resource.group], resources: [served.resource.plural] }
    }),
  )
  return {
    resourceRules: rules.filter(({ verbs }) => verbs.length > 0),
    nonResourceRules: [{ verbs: ['get'], nonResourceURLs: ['/api', '/api/*', '/apis', '/apis/*', '/openapi/*', '/version'] }],
    incomplete: false,
  }
}

async function granted(
  parts: Parts,
  request: ApiRequest,
  { served, target }: { readonly served: Served; readonly target: Omit<Target, 'verb'> },
) {
  const out: Verb[] = []
  for (const verb of served.verbs) if (await allowed(parts, request, { ...target, verb })) out.push(verb)
  return out
}

async function allowed(parts: Parts, request: ApiRequest, target: Target): Promise<boolean> {
  try {
    await placeOf(parts, request.subject, target)
    return true
  } catch (error) {
    if (error instanceof FleetError && ['forbidden', 'not-found', 'invalid'].includes(error.code)) return false
    throw error
  }
}
