import { canonicalJson } from '../../../proto/base/canonical.ts'
import { FleetError, messageOf } from '../../../proto/base/errors.ts'
import { sha256 } from '../../../proto/base/hash.ts'
import type { Kustomization } from '../../../proto/model/flux/kustomize/kinds.ts'
import type { ServiceAccountRef } from '../../../proto/model/identities.ts'
import type { Problem } from '../../../proto/model/ids.ts'
import type { Manifest } from '../../../proto/model/manifest.ts'
import type { LocalPolicy } from '../../../proto/model/policy.ts'
import type { ImpersonatedKube } from '../../kube/model.ts'
import type { Strategy, VariableSource, Variables } from '../../substitute/model.ts'
import { readManifests, refuseKinds } from '../manifests.ts'
import type { Prepare } from '../ports.ts'

export interface PrepareDeps {
  /** The content of a digest. */
  readonly bundle: (digest: string, signal: AbortSignal) => Promise<Uint8Array>
  readonly as: (account: ServiceAccountRef) => ImpersonatedKube
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
  const { postBuild } = job.object.spec
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
  { as }: PrepareDeps,
  { object, account, signal }: Job,
  { kind, name, optional }: SubstituteFrom,
): Promise<Outcome<{ readonly values: VariableSource }>> {
  const namespace = object.metadata.namespace ?? ''
  const attempted = `substitute from '${kind}/${name}' error`
  try {
    const live = await as(account).get({ apiVersion: 'v1', kind, namespace, name }, { signal })
    if (!live) return optional ? { values: {} } : { problem: `${attempted}: ${kind.toLowerCase()}s "${name}" not found` }
    const data = Object.entries((live.data ?? {}) as Readonly<Record<string, unknown>>).filter(
      (entry): entry is [string, string] => typeof entry[1] === 'string',
    )
    const decoded = kind === 'Secret' ? data.map(([key, value]) => [key, Buffer.from(value, 'base64').toString('utf8')]) : data
    return { values: Object.fromEntries(decoded) as VariableSource }
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
