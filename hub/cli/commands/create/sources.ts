import { FleetError } from '../../../../proto/base/errors.ts'
import { durationText, type FlagTable, given, list, truth } from './flags.ts'

interface Common {
  readonly url?: string
  readonly interval: string
  readonly fetchTimeout?: string
  readonly secretRef?: string
}

const COMMON = [
  ['--interval <duration>', 'how often to look', durationText],
  ['--fetch-timeout <duration>', 'time limit of fetching', durationText],
] as const satisfies FlagTable
const REF = [
  ['--tag <name>', 'tag to follow'],
  ['--tag-semver <range>', 'range of versions, the highest tag of which is followed'],
] as const satisfies FlagTable
const SHARED_BY_TREES = [
  ['--proxy-secret-ref <name>', 'Secret with the proxy'],
  ['--ignore-paths <patterns>', 'what is left out, in the syntax of .gitignore', list],
] as const satisfies FlagTable

export const GIT_FLAGS: FlagTable = [
  ['--url <url>', 'address of the repository: https://… or ssh://…'],
  ['--branch <name>', 'branch to follow'],
  ...REF,
  ['--ref-name <name>', 'full name of a reference, such as refs/pull/420/head'],
  ['--commit <sha>', 'commit to stay at'],
  ['--secret-ref <name>', 'Secret with credentials'],
  ...SHARED_BY_TREES,
  ['--recurse-submodules [bool]', 'fetch submodules too', truth],
  ...COMMON,
]

export interface GitFlags extends Common {
  readonly branch?: string
  readonly tag?: string
  readonly tagSemver?: string
  readonly refName?: string
  readonly commit?: string
  readonly proxySecretRef?: string
  readonly ignorePaths?: readonly string[]
  readonly recurseSubmodules?: true
}

export function gitRepository(flags: GitFlags): object | undefined {
  const { branch, commit, ignorePaths, proxySecretRef, recurseSubmodules, refName, tag, tagSemver } = flags
  const ref = given({ branch, commit, name: refName, semver: tagSemver, tag })
  if (!ref) throw new FleetError('invalid', 'say what to follow: --branch, --tag, --tag-semver, --ref-name or --commit')
  return given({
    ...common(flags),
    ignore: ignorePaths?.join('\n'),
    proxySecretRef: given({ name: proxySecretRef }),
    recurseSubmodules,
    ref,
  })
}

export const OCI_FLAGS: FlagTable = [
  ['--url <url>', 'address of the repository without tag: oci://…'],
  ...REF,
  ['--digest <digest>', 'digest to stay at'],
  ['--secret-ref <name>', 'Secret of the type kubernetes.io/dockerconfigjson'],
  ['--cert-ref <name>', 'Secret with certificates'],
  ['--service-account <name>', 'ServiceAccount with pull secrets'],
  ...SHARED_BY_TREES,
  ['--layer-media-type <type>', 'media type of the layer to take'],
  ['--layer-operation <operation>', 'extract the layer, or copy it, as charts need it'],
  ['--insecure [bool]', 'allow plain HTTP', truth],
  ...COMMON,
]

export interface OciFlags extends Common {
  readonly tag?: string
  readonly tagSemver?: string
  readonly digest?: string
  readonly certRef?: string
  readonly serviceAccount?: string
  readonly proxySecretRef?: string
  readonly ignorePaths?: readonly string[]
  readonly layerMediaType?: string
  readonly layerOperation?: string
  readonly insecure?: true
}

export function ociRepository(flags: OciFlags): object | undefined {
  const { certRef, digest, ignorePaths, insecure, layerMediaType, layerOperation, proxySecretRef, serviceAccount, tag, tagSemver } = flags
  const ref = given({ digest, semver: tagSemver, tag })
  if (!ref) throw new FleetError('invalid', 'say what to follow: --tag, --tag-semver or --digest')
  return given({
    ...common(flags),
    certSecretRef: given({ name: certRef }),
    ignore: ignorePaths?.join('\n'),
    insecure,
    layerSelector: given({ mediaType: layerMediaType, operation: layerOperation }),
    proxySecretRef: given({ name: proxySecretRef }),
    ref,
    serviceAccountName: serviceAccount,
  })
}

export const BUCKET_FLAGS: FlagTable = [
  ['--endpoint <host>', 'address of the object storage: HOST or HOST:PORT'],
  ['--bucket-name <name>', 'name of the bucket'],
  ['--provider <name>', 'kind of object storage: generic, where nothing is said, or aws'],
  ['--region <name>', 'region of the bucket'],
  ['--prefix <prefix>', 'only objects whose names begin with this'],
  ['--secret-ref <name>', 'Secret with accesskey and secretkey'],
  ['--cert-ref <name>', 'Secret with certificates'],
  ...SHARED_BY_TREES,
  ['--insecure [bool]', 'allow plain HTTP', truth],
  ...COMMON,
]

export interface BucketFlags extends Omit<Common, 'url'> {
  readonly endpoint?: string
  readonly bucketName?: string
  readonly provider?: string
  readonly region?: string
  readonly prefix?: string
  readonly certRef?: string
  readonly proxySecretRef?: string
  readonly ignorePaths?: readonly string[]
  readonly insecure?: true
}

export function bucket(flags: BucketFlags): object | undefined {
  const { bucketName, certRef, endpoint, fetchTimeout, ignorePaths, insecure, interval, prefix, provider = 'generic' } = flags
  if (endpoint === undefined || bucketName === undefined) throw new FleetError('invalid', 'say where it is: --endpoint and --bucket-name')
  return given({
    ...{ bucketName, endpoint, insecure, interval, prefix, provider, region: flags.region, timeout: fetchTimeout },
    certSecretRef: given({ name: certRef }),
    ignore: ignorePaths?.join('\n'),
    proxySecretRef: given({ name: flags.proxySecretRef }),
    secretRef: given({ name: flags.secretRef }),
  })
}

export const HELM_FLAGS: FlagTable = [
  ['--url <url>', 'address of the repository: https://…, or oci://… for a registry'],
  ['--secret-ref <name>', 'Secret with credentials'],
  ['--cert-ref <name>', 'Secret with certificates'],
  ['--pass-credentials [bool]', 'pass credentials on to other hosts that the index names', truth],
  ...COMMON,
]

export interface HelmFlags extends Common {
  readonly certRef?: string
  readonly passCredentials?: true
}

export function helmRepository(flags: HelmFlags): object | undefined {
  const { certRef, passCredentials, url } = flags
  return given({
    ...common(flags),
    certSecretRef: given({ name: certRef }),
    passCredentials,
    type: url?.startsWith('oci://') ? 'oci' : undefined,
  })
}

function common({ fetchTimeout, interval, secretRef, url }: Common) {
  if (url === undefined) throw new FleetError('invalid', 'say where it is: --url')
  if (URL.canParse(url) && new URL(url).password !== '')
    throw new FleetError('invalid', '--url has a password in it; put it into a Secret, and name that with --secret-ref')
  return { interval, secretRef: given({ name: secretRef }), timeout: fetchTimeout, url }
}
