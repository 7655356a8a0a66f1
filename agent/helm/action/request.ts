import type { HelmAction, HelmInput, HelmPostRender, HelmWait } from '../../../proto/helm/protocol.ts'
import { parseDurationMs } from '../../../proto/model/duration.ts'
import type { HelmReleaseSpec } from '../../../proto/model/flux/helm/helm-release.ts'
import { HELM_GROUP, RELEASE_NAME_LABEL } from '../../../proto/model/names.ts'
import { groupOf } from '../../../proto/model/object-ref.ts'
import type { ReleaseTarget } from '../model.ts'

const TIMEOUT_MS = 5 * 60_000
/** Releases that Helm keeps. */
const MAX_HISTORY = 5

type Kind = HelmAction['action'] & ('install' | 'upgrade' | 'test' | 'rollback' | 'uninstall')

/** The limit of each wait of an action. */
export function actionTimeoutMs(spec: HelmReleaseSpec, action: Kind): number {
  return parseDurationMs(spec[action]?.timeout ?? spec.timeout ?? '') ?? TIMEOUT_MS
}

/** An action has hooks before and after, each with its own wait; a program that takes longer than all of them hangs. */
export function actionDeadlineMs(spec: HelmReleaseSpec, action: Kind): number {
  return 4 * actionTimeoutMs(spec, action) + 60_000
}

/** What Helm is asked to do for an install or an upgrade, every default filled in as Flux does. */
export function releaseRequest(
  action: 'install' | 'upgrade',
  { spec, target, input }: { readonly spec: HelmReleaseSpec; readonly target: ReleaseTarget; readonly input: HelmInput },
): HelmAction {
  const given = spec[action] ?? {}
  const common = {
    ...waiting(spec, action),
    takeOwnership: !given.disableTakeOwnership,
    disableOpenAPIValidation: given.disableOpenAPIValidation ?? false,
    disableSchemaValidation: given.disableSchemaValidation ?? false,
  }
  if (action === 'install') {
    const { createNamespace, crds, replace, serverSideApply, skipCRDs } = spec.install ?? {}
    const options = {
      ...common,
      replace: replace ?? false,
      createNamespace: createNamespace ?? false,
      crds: crds ?? (skipCRDs ? 'Skip' : 'Create'),
      serverSideApply: serverSideApply === false ? 'disabled' : 'enabled',
    } as const
    return { action, release: target, options, ...input }
  }
  const { cleanupOnFail, crds, force, preserveValues, serverSideApply } = spec.upgrade ?? {}
  const options = {
    ...common,
    force: force ?? false,
    cleanupOnFail: cleanupOnFail ?? false,
    preserveValues: preserveValues ?? false,
    maxHistory: spec.maxHistory ?? MAX_HISTORY,
    crds: crds ?? 'Skip',
    serverSideApply: serverSideApply ?? 'auto',
  } as const
  return { action, release: target, options, ...input }
}

/** What Helm is asked to render: what an install or an upgrade would release, without doing it. */
export function templateRequest(
  action: 'install' | 'upgrade',
  { spec, target, input }: { readonly spec: HelmReleaseSpec; readonly target: ReleaseTarget; readonly input: HelmInput },
): HelmAction {
  const { disableOpenAPIValidation, disableSchemaValidation } = spec[action] ?? {}
  const options = {
    isUpgrade: action === 'upgrade',
    preserveValues: action === 'upgrade' && (spec.upgrade?.preserveValues ?? false),
    disableOpenAPIValidation: disableOpenAPIValidation ?? false,
    disableSchemaValidation: disableSchemaValidation ?? false,
  }
  return { action: 'template', release: target, options, ...input }
}

export function rollbackRequest(spec: HelmReleaseSpec, target: ReleaseTarget, rollbackTo: number): HelmAction {
  const { cleanupOnFail, force, serverSideApply } = spec.rollback ?? {}
  const options = {
    ...waiting(spec, 'rollback'),
    rollbackTo,
    force: force ?? false,
    cleanupOnFail: cleanupOnFail ?? false,
    maxHistory: spec.maxHistory ?? MAX_HISTORY,
    serverSideApply: serverSideApply ?? 'auto',
  }
  return { action: 'rollback', release: target, options }
}

export function uninstallRequest(spec: HelmReleaseSpec, target: ReleaseTarget): HelmAction {
  const { deletionPropagation, disableHooks, disableWait, keepHistory } = spec.uninstall ?? {}
  const options = {
    timeoutMs: actionTimeoutMs(spec, 'uninstall'),
    wait: waitOf(spec, { disableWait, by: 'watcher' }),
    disableHooks: disableHooks ?? false,
    keepHistory: keepHistory ?? false,
    deletionPropagation: deletionPropagation ?? 'background',
  }
  return { action: 'uninstall', release: target, options }
}

export function testRequest(spec: HelmReleaseSpec, target: ReleaseTarget): HelmAction {
  const testFilters = (spec.test?.filters ?? []).map(({ exclude, name }) => ({ name, exclude: exclude ?? false }))
  return { action: 'test', release: target, options: { timeoutMs: actionTimeoutMs(spec, 'test'), testFilters } }
}

/** What is done to rendered manifests: patches and images, then Flux's labels of origin, then the common metadata. */
export function postRender({
  metadata,
  spec,
}: {
  readonly metadata: { readonly name: string; readonly namespace?: string | undefined }
  readonly spec: HelmReleaseSpec
}): HelmPostRender {
  const { commonMetadata, postRenderers = [], postRenderStrategy } = spec
  return {
    strategy: postRenderStrategy ?? 'combined',
    kustomize: postRenderers.flatMap(({ kustomize }) => (kustomize ? [kustomize] : [])),
    originLabels: { [RELEASE_NAME_LABEL]: metadata.name, [`${HELM_GROUP}/namespace`]: metadata.namespace ?? '' },
    ...(commonMetadata ? { commonMetadata } : {}),
  }
}

function waiting(spec: HelmReleaseSpec, action: 'install' | 'upgrade' | 'rollback') {
  const { disableHooks, disableWait, disableWaitForJobs } = spec[action] ?? {}
  return {
    timeoutMs: actionTimeoutMs(spec, action),
    wait: waitOf(spec, { disableWait, by: 'parent' }),
    waitForJobs: !disableWaitForJobs,
    disableHooks: disableHooks ?? false,
    judged: (spec.healthCheckExprs ?? []).map(({ apiVersion, kind }) => ({ group: groupOf(apiVersion), ...(kind ? { kind } : {}) })),
  }
}

function waitOf({ waitStrategy }: HelmReleaseSpec, { disableWait, by }: { disableWait: boolean | undefined; by: HelmWait }): HelmWait {
  if (disableWait) return 'none'
  return waitStrategy?.name === 'legacy' ? 'legacy' : by
}
