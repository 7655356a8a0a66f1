import { canonicalJson } from '../../../proto/base/canonical.ts'
import { FleetError, messageOf } from '../../../proto/base/errors.ts'
import { sha256 } from '../../../proto/base/hash.ts'
import type { Kustomization } from '../../../proto/model/flux/kustomize/kinds.ts'
import type { ServiceAccountRef } from '../../../proto/model/identities.ts'
import type { Problem } from '../../../proto/model/ids.ts'
import { type Manifest, refOf } from '../../../proto/model/manifest.ts'
import { refKey } from '../../../proto/model/object-ref.ts'
import type { LocalPolicy } from '../../../proto/model/policy.ts'
import type { Strategy, VariableSource, Variables } from '../../substitute/model.ts'
import { readManifests, refuseKinds } from '../manifests.ts'
import type { Prepare } from '../ports.ts'
import type { Configs } from './configs.ts'

export interface PrepareDeps {
  /** The content of a digest. */
  readonly bundle: (digest: string, signal: AbortSignal) => Promise<Uint8Array>
  readonly configs: Pick<Configs, 'hold' | 'read'>
  readonly policy: () => LocalPolicy
  readonly collectVariables: (sources: readonly VariableSource[], inline?: VariableSource) => Variables | readonly Problem[]
  readonly substitute: (
    objects: readonly Manifest[],
    o: { readonly variables: Variables; readonly strategy: Strategy },
  ) => { readonly objects: readonly Manifest[] } | { readonly problems: readonly Problem[] }
}

type Outcome<T> = T | { readonly problem: string }

/** Makes a bundle into the final objects for this cluster. Nothing of it is kept. */
export function createPrepare(deps: PrepareDeps): Prepare {
  return async (object, digest, { account, signal }) => {
    const bytes = await deps.bundle(digest, signal)
    const built = readManifests(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('utf8'))
    if ('problem' in built) return built
    const finished = await withVariables(deps, { object, objects: built.objects, account, signal })
    if ('problem' in finished) return finished
    const refused = refuseKinds(finished.objects, deps.policy())
    if (refused !== undefined) return { problem: refused }
    return { objects: finished.objects, digest: sha256(canonicalJson(finished.objects)) }
  }
}

interface Job {
  readonly object: Kustomization
  readonly objects: readonly Manifest[]
  readonly account: ServiceAccountRef
  readonly signal: AbortSignal
}

async function withVariables(deps: PrepareDeps, job: Job): Promise<Outcome<{ readonly objects: readonly Manifest[] }>> {
  const { metadata, spec } = job.object
  const { postBuild } = spec
  const refs = (postBuild?.substituteFrom ?? []).map(({ kind, name }) => ({ kind, name, namespace: metadata.namespace ?? '' }))
  deps.configs.hold(refKey(refOf(job.object)), refs, job.account)
  if (!postBuild) return { objects: job.objects }
  const sources: VariableSource[] = []
  for (const from of postBuild.substituteFrom ?? []) {
    const source = await readSource(deps, job, from)
    if ('problem' in source) return source
    sources.push(source.values)
  }
  const variables = deps.collectVariables(sources, postBuild.substitute ?? {})
  if (isProblems(variables)) return { problem: sentence(variables) }
  const done = deps.substitute(job.objects, { variables, strategy: postBuild.substituteStrategy ?? 'WithVariables' })
  return 'problems' in done ? { problem: sentence(done.problems) } : done
}

type SubstituteFrom = NonNullable<NonNullable<Kustomization['spec']['postBuild']>['substituteFrom']>[number]

/** The values of a ConfigMap or Secret, read by its name as the account that applies. */
async function readSource(
  { configs }: PrepareDeps,
  { object, account, signal }: Job,
  { kind, name, optional }: SubstituteFrom,
): Promise<Outcome<{ readonly values: VariableSource }>> {
  const namespace = object.metadata.namespace ?? ''
  const attempted = `substitute from '${kind}/${name}' error`
  try {
    const data = await configs.read(refKey(refOf(object)), { kind, namespace, name }, { account, signal })
    if (!data) return optional ? { values: {} } : { problem: `${attempted}: ${kind.toLowerCase()}s "${name}" not found` }
    return { values: data }
  } catch (error) {
    signal.throwIfAborted()
    if (error instanceof FleetError && error.code === 'forbidden') return { problem: `${attempted}: ${messageOf(error)}` }
    throw error
  }
}

function isProblems(value: Variables | readonly Problem[]): value is readonly Problem[] {
  return Array.isArray(value)
}

function sentence(problems: readonly Problem[]): string {
  return problems.map(({ path, message }) => `${path}: ${message}`).join('; ')
}
