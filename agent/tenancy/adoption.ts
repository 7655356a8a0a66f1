import type { Manifest } from '../../proto/model/manifest.ts'
import type { Adoption } from './model.ts'

/** Flux's controllers whose work the agent does: while one of them runs, the agent only looks on. */
const RIVALS = ['kustomize-controller', 'source-controller']
/** Its HelmReleases are left to it while it runs; its flags bind the agent all the same. */
const HELM = 'helm-controller'

/** Flags that take rights away and that the agent keeps to. `--no-remote-bases` holds by itself: builds never leave their tree. */
const HONOURED = ['--no-cross-namespace-refs', '--default-service-account', '--no-remote-bases']
/** Flags that take rights away, known or not: whatever forbids, or names a stand-in for an identity, or narrows what is watched. */
const RESTRICTING =
  /^--(no-|deny-|restrict-|require-|default-.*service-account|watch-all-namespaces=false|watch-label-selector|watch-configs-label-selector)/

/**
 * Whether the agent may work where these Deployments of Flux are, and what of their flags binds it. Flags count also
 * while the controllers are scaled down: the cluster's administrator meant them.
 */
export function adoptionOf(deployments: readonly Manifest[]): Adoption {
  const rivals = deployments.filter(({ metadata }) => RIVALS.includes(metadata.name))
  const running = rivals.filter(isRunning).map(({ metadata }) => metadata.name)
  if (running.length > 0)
    return { kind: 'observing', why: `Flux's own ${running.join(' and ')} run here; scale them to 0 replicas to hand the cluster over` }
  const flags = deployments
    .filter(({ metadata }) => rivals.some((one) => one.metadata.name === metadata.name) || metadata.name === HELM)
    .flatMap(flagsOf)
  const unknown = [...new Set(flags.filter((flag) => RESTRICTING.test(flag) && !HONOURED.includes(nameOf(flag))))]
  if (unknown.length > 0)
    return {
      kind: 'observing',
      why: `Flux's controllers here are restricted by ${unknown.join(', ')}, which Flotilla cannot honour; remove it from their Deployments to hand the cluster over`,
    }
  return {
    kind: 'acting',
    noCrossNamespaceRefs: flags.some((flag) => nameOf(flag) === '--no-cross-namespace-refs' && argumentOf(flag) !== 'false'),
    defaultServiceAccount: flags
      .filter((flag) => nameOf(flag) === '--default-service-account')
      .map(argumentOf)
      .find((value) => value !== ''),
  }
}

/** True for a Deployment that has, or is to have, a pod. */
export function isRunning(deployment: Manifest): boolean {
  const { replicas = 1 } = (deployment.spec ?? {}) as { replicas?: number }
  const { readyReplicas = 0 } = (deployment.status ?? {}) as { readyReplicas?: number }
  return replicas > 0 || readyReplicas > 0
}

/** `--flag value` and `--flag=value` alike become `--flag=value`. */
function flagsOf(deployment: Manifest): readonly string[] {
  const { template } = (deployment.spec ?? {}) as { template?: { spec?: { containers?: readonly { args?: readonly string[] }[] } } }
  return (template?.spec?.containers ?? []).flatMap(({ args = [] }) =>
    args.flatMap((arg, at) => {
      if (!arg.startsWith('--')) return []
      const next = args[at + 1]
      return [arg.includes('=') || next === undefined || next.startsWith('--') ? arg : `${arg}=${next}`]
    }),
  )
}

function nameOf(flag: string): string {
  return flag.split('=', 1)[0] ?? flag
}

function argumentOf(flag: string): string {
  return flag.includes('=') ? flag.slice(flag.indexOf('=') + 1) : ''
}
