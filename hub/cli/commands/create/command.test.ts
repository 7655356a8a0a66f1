import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, expect, test } from 'vitest'
import { run } from '../../program.ts'

const dir = mkdtempSync(join(tmpdir(), 'create-'))
afterAll(() => rmSync(dir, { recursive: true }))

function file(name: string, text: string): string {
  writeFileSync(join(dir, name), text)
  return join(dir, name)
}

/** Without a hub: what is exported asks nobody. */
async function create(args: string) {
  let [out, said] = ['', '']
  const world = {
    env: {},
    signal: AbortSignal.timeout(10_000),
    stdin: (async function* () {})(),
    out: (text: string) => {
      out += text
    },
    say: (text: string) => {
      said += `${text}\n`
    },
  }
  const code = await run(['create', ...args.split(' '), '--export'], world)
  return { code, out, said }
}
const lines = (...text: readonly string[]) => `${text.join('\n')}\n`
const head = (apiVersion: string, kind: string, ...metadata: readonly string[]) => [
  '---',
  `apiVersion: ${apiVersion}`,
  `kind: ${kind}`,
  'metadata:',
  ...metadata.map((line) => `  ${line}`),
  '  name: podinfo',
  '  namespace: flux-system',
  'spec:',
]

test('a GitRepository is exported as flux exports it', async () => {
  expect((await create('source git podinfo --url=https://git.example.com/podinfo.git --branch=main --label=team=web')).out).toBe(
    lines(
      ...head('source.toolkit.fluxcd.io/v1', 'GitRepository', 'labels:', '  team: web'),
      '  interval: 1m0s',
      '  ref:',
      '    branch: main',
      '  url: https://git.example.com/podinfo.git',
    ),
  )
})

test('a Bucket is exported as flux exports it', async () => {
  const from = 'source bucket podinfo --endpoint=minio.example.com:9000 --bucket-name=podinfo --insecure --interval=10m'
  expect((await create(`${from} --secret-ref=keys --region=eu-west-1 --ignore-paths=*.md,/tmp`)).out).toBe(
    lines(
      ...head('source.toolkit.fluxcd.io/v1', 'Bucket'),
      '  bucketName: podinfo',
      '  endpoint: minio.example.com:9000',
      '  ignore: |-',
      '    *.md',
      '    /tmp',
      '  insecure: true',
      '  interval: 10m0s',
      '  provider: generic',
      '  region: eu-west-1',
      '  secretRef:',
      '    name: keys',
    ),
  )
})

test('an OCIRepository is exported as flux exports it', async () => {
  const from = 'source oci podinfo --url=oci://registry.example.com/podinfo --tag=6.3.5 --interval 10m'
  expect((await create(`${from} --secret-ref=creds --layer-operation copy`)).out).toBe(
    lines(
      ...head('source.toolkit.fluxcd.io/v1', 'OCIRepository'),
      '  interval: 10m0s',
      '  layerSelector:',
      '    operation: copy',
      '  ref:',
      '    tag: 6.3.5',
      '  secretRef:',
      '    name: creds',
      '  url: oci://registry.example.com/podinfo',
    ),
  )
})

test('a HelmRepository at an OCI address is of this type', async () => {
  const made = (url: string) => create(`source helm podinfo --url=${url}`)
  expect((await made('https://charts.example.com')).out).not.toContain('type:')
  expect((await made('oci://registry.example.com/charts')).out).toContain('spec:\n  interval: 1m0s\n  type: oci\n')
})

test('a Kustomization is exported as flux exports it', async () => {
  const from = 'kustomization podinfo --source=GitRepository/podinfo.sources --path=deploy --prune=true --wait'
  expect((await create(`${from} --interval=5m --depends-on=infra,shop/db --service-account deployer`)).out).toBe(
    lines(
      ...head('kustomize.toolkit.fluxcd.io/v1', 'Kustomization'),
      '  dependsOn:',
      '  - name: infra',
      '  - name: db',
      '    namespace: shop',
      '  interval: 5m0s',
      '  path: ./deploy',
      '  prune: true',
      '  serviceAccountName: deployer',
      '  sourceRef:',
      '    kind: GitRepository',
      '    name: podinfo',
      '    namespace: sources',
      '  timeout: 2m0s',
      '  wait: true',
    ),
  )
})

test('not to wait says nothing about the health of what a Kustomization applies', async () => {
  const { out } = await create('ks podinfo --source OCIRepository/podinfo --no-wait')
  expect(out).not.toContain('wait')
  expect(out).toContain('path: ./\n  prune: false\n')
})

test('a HelmRelease is exported as flux exports it', async () => {
  expect((await create('helmrelease podinfo --source=HelmRepository/podinfo --chart=podinfo')).out).toBe(
    lines(
      ...head('helm.toolkit.fluxcd.io/v2', 'HelmRelease'),
      '  chart:',
      '    spec:',
      '      chart: podinfo',
      '      reconcileStrategy: ChartVersion',
      '      sourceRef:',
      '        kind: HelmRepository',
      '        name: podinfo',
      '  interval: 1m0s',
    ),
  )
  expect((await create('hr podinfo --chart-ref OCIRepository/podinfo')).out).toBe(
    lines(
      ...head('helm.toolkit.fluxcd.io/v2', 'HelmRelease'),
      '  chartRef:',
      '    kind: OCIRepository',
      '    name: podinfo',
      '  interval: 1m0s',
    ),
  )
})

test('a HelmRelease has the values of all files, the last one winning, and references to others', async () => {
  const first = file('first.yaml', 'image: {tag: "1", name: web}\nports: [1, 2]\n')
  const second = file('second.yaml', 'image: {tag: "2"}\nports: [3]\n')
  const from = `hr podinfo --source HelmRepository/charts --chart web --chart-version 1.x --values ${first} --values ${second}`
  const { out } = await create(`${from} --values-from secret/more --target-namespace shop --create-target-namespace --release-name web`)
  expect(out).toContain('      version: 1.x\n')
  expect(out).toContain(
    lines(
      '  install:',
      '    createNamespace: true',
      '  interval: 1m0s',
      '  releaseName: web',
      '  targetNamespace: shop',
      '  values:',
      '    image:',
      '      name: web',
      '      tag: "2"',
      '    ports:',
      '    - 3',
      '  valuesFrom:',
      '  - kind: Secret',
      '    name: more',
    ),
  )
})

test.each([
  ['no address', 'source git podinfo --branch main', 'say where it is: --url'],
  ['a password in the address', 'source git podinfo --branch main --url https://me:secret@git.example.com/x', '--url has a password in it'],
  ['nothing to follow', 'source oci podinfo --url oci://registry.example.com/x', 'say what to follow: --tag, --tag-semver or --digest'],
  ['a bucket of nobody', 'source bucket podinfo --bucket-name x', 'say where it is: --endpoint and --bucket-name'],
  ['an address of another kind', 'source oci podinfo --url https://registry.example.com/x --tag 1', 'OCIRepository podinfo: spec.url: '],
  ['an interval that is none', 'source helm podinfo --url https://charts.example.com --interval soon', 'spec.interval: '],
  ['a name that is none', 'source helm Podinfo --url https://charts.example.com', 'metadata.name: '],
  ['no source', 'kustomization podinfo', 'say where the manifests are: --source KIND/NAME'],
  ['a source without its kind', 'kustomization podinfo --source podinfo', '--source podinfo: write KIND/NAME'],
  ['a source of charts only', 'kustomization podinfo --source HelmRepository/podinfo', 'where KIND is one of GitRepository, OCIRepository'],
  ['neither chart nor reference', 'helmrelease podinfo --chart podinfo', 'say which chart: --source and --chart, or --chart-ref'],
  ['both', 'helmrelease podinfo --chart podinfo --chart-ref OCIRepository/x', 'a chart comes from --chart-ref, or from'],
  ['a word for true or false', 'kustomization podinfo --source GitRepository/x --prune=perhaps', 'perhaps: must be true or false'],
  [
    'values that are not there',
    'helmrelease podinfo --chart-ref OCIRepository/x --values /nowhere.yaml',
    '--values /nowhere.yaml cannot be read',
  ],
])('%s gets a sentence, and nothing is made', async (_name, args, sentence) => {
  const { code, out, said } = await create(args)
  expect({ code, out }).toEqual({ code: 2, out: '' })
  expect(said).toContain(sentence)
  expect(said).not.toContain('secret@')
})

test('values that are no YAML are refused without a word of what is in them', async () => {
  const path = file('broken.yaml', 'password: "hunter2\n')
  const { said } = await create(`hr podinfo --chart-ref OCIRepository/x --values ${path}`)
  expect(said).toBe(`✗ --values ${path}: is no YAML\n`)
  const list = file('list.yaml', '- hunter2\n')
  expect((await create(`hr podinfo --chart-ref OCIRepository/x --values ${list}`)).said).toBe(`✗ --values ${list}: must be a map\n`)
})
