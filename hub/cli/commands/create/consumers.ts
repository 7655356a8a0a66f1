import { FleetError } from '../../../../proto/base/errors.ts'
import { pathBelow } from '../bootstrap.ts'
import { dependencies, durationText, type FlagTable, given, list, reference, truth } from './flags.ts'

interface Common {
  readonly interval: string
  readonly source?: string
  readonly dependsOn?: readonly string[]
  readonly serviceAccount?: string
  readonly targetNamespace?: string
}

const COMMON = [
  ['--depends-on <names>', 'those that have to be ready before: NAME or NAMESPACE/NAME', list],
  ['--service-account <name>', 'ServiceAccount to act as'],
  ['--target-namespace <namespace>', 'namespace that it goes to'],
  ['--interval <duration>', 'how often to reconcile', durationText],
] as const satisfies FlagTable

export const KUSTOMIZATION_FLAGS: FlagTable = [
  ['--source <kind/name>', 'GitRepository/NAME, OCIRepository/NAME or Bucket/NAME, perhaps with .NAMESPACE'],
  ['--path <path>', 'directory in the source; its root where absent'],
  ['--prune [bool]', 'delete what is no longer in the source', truth],
  ['--wait [bool]', 'wait until everything applied is healthy', truth],
  ['--health-check-timeout <duration>', 'time limit of that', durationText],
  ['--retry-interval <duration>', 'how soon to try again after a failure', durationText],
  ['--decryption-provider <name>', 'sops'],
  ['--decryption-secret <name>', 'Secret with the private keys'],
  ...COMMON,
]

export interface KustomizationFlags extends Common {
  readonly path?: string
  readonly prune?: true
  readonly wait?: boolean
  readonly healthCheckTimeout?: string
  readonly retryInterval?: string
  readonly decryptionProvider?: string
  readonly decryptionSecret?: string
}

const TREES = ['GitRepository', 'OCIRepository', 'Bucket', 'ExternalArtifact'].map((kind) => ({ kind }))

export function kustomization(flags: KustomizationFlags): object | undefined {
  const { decryptionProvider, decryptionSecret, healthCheckTimeout = '2m0s', path = '', prune = false, retryInterval, source, wait } = flags
  if (source === undefined) throw new FleetError('invalid', 'say where the manifests are: --source KIND/NAME')
  return given({
    ...common(flags),
    decryption: given({ provider: decryptionProvider, secretRef: given({ name: decryptionSecret }) }),
    path: pathBelow(path),
    prune,
    retryInterval,
    sourceRef: reference('--source', source, TREES),
    ...(wait ? { timeout: healthCheckTimeout, wait } : {}),
  })
}

export const HELM_RELEASE_FLAGS: FlagTable = [
  ['--source <kind/name>', 'HelmRepository/NAME, GitRepository/NAME or Bucket/NAME, perhaps with .NAMESPACE; with --chart'],
  ['--chart <name>', 'name of the chart, or its path in a GitRepository or Bucket'],
  ['--chart-version <range>', 'range of versions'],
  ['--chart-interval <duration>', 'how often the source is looked at', durationText],
  ['--reconcile-strategy <strategy>', 'what makes a new chart: ChartVersion or Revision'],
  ['--chart-ref <kind/name>', 'OCIRepository/NAME or HelmChart/NAME, perhaps with .NAMESPACE; instead of --source and --chart'],
  ['--values <files>', 'files with values; later ones win', list],
  ['--values-from <kind/name>', 'ConfigMap/NAME or Secret/NAME with values.yaml', list],
  ['--release-name <name>', 'name of the release'],
  ['--create-target-namespace [bool]', 'create the target namespace', truth],
  ['--crds <policy>', 'CRDs of the chart at upgrades: Skip, Create or CreateReplace'],
  ...COMMON,
]

export interface HelmReleaseFlags extends Common {
  readonly chart?: string
  readonly chartVersion?: string
  readonly chartInterval?: string
  readonly reconcileStrategy?: string
  readonly chartRef?: string
  /** What the files of `--values` say together. */
  readonly values?: object
  readonly valuesFrom?: readonly string[]
  readonly releaseName?: string
  readonly createTargetNamespace?: true
  readonly crds?: string
}

const CHARTS = ['OCIRepository', 'HelmChart'].map((kind) => ({ kind }))
const REPOSITORIES = ['HelmRepository', 'GitRepository', 'Bucket'].map((kind) => ({ kind }))
const VALUES = ['ConfigMap', 'Secret'].map((kind) => ({ kind }))

export function helmRelease(flags: HelmReleaseFlags): object | undefined {
  const { chartRef, createTargetNamespace, crds, releaseName, values, valuesFrom } = flags
  return given({
    ...common(flags),
    ...(chartRef === undefined ? { chart: chartTemplate(flags) } : { chartRef: onlyRef(chartRef, flags) }),
    install: given({ crds: crds && 'Create', createNamespace: createTargetNamespace }),
    releaseName,
    upgrade: given({ crds }),
    values,
    valuesFrom: valuesFrom?.map((text) => reference('--values-from', text, VALUES)),
  })
}

function onlyRef(chartRef: string, { chart, source }: HelmReleaseFlags) {
  if (chart !== undefined || source !== undefined)
    throw new FleetError('invalid', 'a chart comes from --chart-ref, or from --source and --chart')
  return reference('--chart-ref', chartRef, CHARTS)
}

function chartTemplate({ chart, chartInterval, chartVersion, reconcileStrategy = 'ChartVersion', source }: HelmReleaseFlags) {
  if (chart === undefined || source === undefined) throw new FleetError('invalid', 'say which chart: --source and --chart, or --chart-ref')
  const sourceRef = reference('--source', source, REPOSITORIES)
  return { spec: given({ chart, interval: chartInterval, reconcileStrategy, sourceRef, version: chartVersion }) }
}

function common({ dependsOn, interval, serviceAccount, targetNamespace }: Common) {
  return { dependsOn: dependencies(dependsOn), interval, serviceAccountName: serviceAccount, targetNamespace }
}
