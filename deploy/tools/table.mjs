import { createHash } from 'node:crypto'
import { readdirSync, readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

/**
 * A program that Flotilla runs beside itself.
 *
 * @typedef {object} Tool
 * @property {string} version    what is built, and the version in the cache
 * @property {string} [package]  Go package to install at that version
 * @property {string} [folder]   folder of a Go main of ours; its sources are part of the cache key
 * @property {readonly string[]} [stamps]  Go variables (`package.name=value`) set at link time
 * @property {readonly string[]} [faces]   names under which the one program can also be called, as its first argument
 * @property {RegExp} [onPath]   what `NAME --version` has to say for a program found on PATH to be used
 * @property {string} takes      how long the first build takes on two cores, in words
 */

const here = dirname(fileURLToPath(import.meta.url))
const KUBERNETES = '1.35.4'
const KUBERNETES_STAMPS = ['k8s.io/component-base/version', 'k8s.io/client-go/pkg/version'].flatMap((where) => [
  `${where}.gitVersion=v${KUBERNETES}`,
  `${where}.gitMajor=1`,
  `${where}.gitMinor=35`,
  `${where}.gitTreeState=clean`,
])

/**
 * Every program outside of npm that Flotilla needs, and its version. `kubernetes` has the faces etcd (3.6.5),
 * kube-apiserver, kube-controller-manager, kube-scheduler and kubectl.
 *
 * @type {Readonly<Record<string, Tool>>}
 */
export const TOOLS = {
  'flotilla-kustomize': { version: '0.1.0', folder: join(here, 'kustomize'), takes: 'about a minute' },
  'flotilla-helm': { version: '0.1.0', folder: join(here, 'helm'), takes: 'two minutes' },
  'nats-server': {
    version: '2.15.2',
    package: 'github.com/nats-io/nats-server/v2',
    onPath: /\bv2\.(1[1-9]|[2-9]\d)\./,
    takes: 'half a minute',
  },
  registry: { version: '3.1.2', package: 'github.com/distribution/distribution/v3/cmd/registry', takes: 'two minutes' },
  versitygw: { version: '1.8.0', package: 'github.com/versity/versitygw/cmd/versitygw', takes: 'a minute' },
  kwok: { version: '0.8.0', package: 'sigs.k8s.io/kwok/cmd/kwok', onPath: /\bv0\.8\./, takes: 'two minutes' },
  kubernetes: {
    version: KUBERNETES,
    folder: join(here, 'kubernetes'),
    stamps: KUBERNETES_STAMPS,
    faces: ['kubectl'],
    takes: 'eight minutes',
  },
}

/**
 * The tool of that name.
 *
 * @param {string} name
 * @returns {Tool}
 */
export function toolNamed(name) {
  const tool = TOOLS[name]
  if (!tool) throw new Error(`There is no tool "${name}"; known are ${Object.keys(TOOLS).join(', ')}.`)
  return tool
}

/**
 * Name of the tool's folder in the cache: changes with the version, the sources, the way it is linked, and the platform.
 *
 * @param {string} name
 */
export function cacheKey(name) {
  const { version, folder, stamps } = toolNamed(name)
  const hash = createHash('sha256').update(JSON.stringify(stamps ?? []))
  for (const file of folder ? sourcesOf(folder) : []) hash.update(`\0${file}\0`).update(readFileSync(join(folder ?? '', file)))
  return `${name}-${version}-${hash.digest('hex').slice(0, 12)}-${process.platform}-${process.arch}`
}

/** @param {string} folder */
function sourcesOf(folder) {
  const files = readdirSync(folder, { recursive: true, encoding: 'utf8' }).sort()
  return files.filter((file) => /\.go$|^go\.(mod|sum)$/.test(file) && !file.endsWith('_test.go'))
}
