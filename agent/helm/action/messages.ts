import type { Snapshot } from '../../mirror/model.ts'
import type { ReleaseTarget } from '../model.ts'

/** Flux's words for what became of an action. Source: Flux, helm-controller. */
export interface Told {
  readonly target: ReleaseTarget
  readonly chart: { readonly name: string; readonly version: string }
  readonly error: string
}

/** `namespace/name.v1`. */
export function fullName({ namespace, name, version }: Pick<Snapshot, 'namespace' | 'name' | 'version'>): string {
  return `${namespace}/${name}.v${version}`
}

/** `chart@version`. */
export function versionedChart({ chartName, chartVersion }: Pick<Snapshot, 'chartName' | 'chartVersion'>): string {
  return `${chartName}@${chartVersion}`
}

export function releaseFailed(action: 'install' | 'upgrade', { target, chart, error }: Told): string {
  return `Helm ${action} failed for release ${target.namespace}/${target.name} with chart ${chart.name}@${chart.version}: ${error}`
}

export function releaseSucceeded(action: 'install' | 'upgrade', now: Snapshot): string {
  return `Helm ${action} succeeded for release ${fullName(now)} with chart ${versionedChart(now)}`
}

export function testFailed(now: Snapshot, error: string): string {
  return `Helm test failed for release ${fullName(now)} with chart ${versionedChart(now)}: ${error}`
}

export function testSucceeded(now: Snapshot): string {
  const count = Object.keys(now.testHooks ?? {}).length
  const hooks = count === 0 ? 'no test hooks' : `${count} test hook${count === 1 ? '' : 's'} completed successfully`
  return `Helm test succeeded for release ${fullName(now)} with chart ${versionedChart(now)}: ${hooks}`
}

export function rollbackFailed(to: Snapshot, error: string): string {
  return `Helm rollback to previous release ${fullName(to)} with chart ${versionedChart(to)} failed: ${error}`
}

export function rollbackSucceeded(to: Snapshot): string {
  return `Helm rollback to previous release ${fullName(to)} with chart ${versionedChart(to)} succeeded`
}

export function remedyFailed(now: Snapshot, error: string): string {
  return `Helm uninstall remediation for release ${fullName(now)} with chart ${versionedChart(now)} failed: ${error}`
}

export function remedySucceeded(now: Snapshot): string {
  return `Helm uninstall remediation for release ${fullName(now)} with chart ${versionedChart(now)} succeeded`
}

export function uninstallFailed(now: Snapshot, error: string): string {
  return `Helm uninstall failed for release ${fullName(now)} with chart ${versionedChart(now)}: ${error}`
}

export function uninstallSucceeded(now: Snapshot): string {
  return `Helm uninstall succeeded for release ${fullName(now)} with chart ${versionedChart(now)}`
}

export function uninstalledBefore(now: Snapshot): string {
  return `Release ${fullName(now)} was not found, assuming it is uninstalled`
}

export function unlocked(now: Snapshot, was: string): string {
  return `Unlocked Helm release ${fullName(now)} with chart ${versionedChart(now)} in ${was} state`
}

export function unlockFailed(now: Snapshot, was: string, error: string): string {
  return `Unlock of Helm release ${fullName(now)} with chart ${versionedChart(now)} in ${was} state failed: ${error}`
}
