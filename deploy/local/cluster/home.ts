import { createPrivateKey, createPublicKey, generateKeyPairSync, randomBytes, X509Certificate } from 'node:crypto'
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { freePorts, isFree } from '../process/ports.ts'

/** What a control plane keeps in its folder beside its data: addresses, keys, where things are. All paths are absolute. */
export interface ControlPlaneHome {
  readonly dir: string
  readonly server: string
  readonly etcdUrl: string
  readonly ports: Ports
  readonly kubeconfig: string
  readonly caFile: string
  readonly adminToken: string
}

export interface Ports {
  readonly api: number
  readonly etcd: number
  readonly etcdPeer: number
}

const YEAR_MS = 365 * 24 * 3600_000

/** Makes the folder's keys and picks its ports where that has not been done before. A port that somebody else took is replaced. */
export async function openHome(dir: string): Promise<ControlPlaneHome> {
  mkdirSync(join(dir, 'pki'), { recursive: true, mode: 0o700 })
  await openPorts(join(dir, 'ports.json'))
  renewCertificate(certificateFile(dir))
  makeServiceAccountKey(dir)
  makeAdminToken(tokenFile(dir))
  return readHome(dir)
}

/** The same as it was made before, nothing changed. */
export function readHome(dir: string): ControlPlaneHome {
  const ports: Ports = JSON.parse(readFileSync(join(dir, 'ports.json'), 'utf8'))
  return {
    dir,
    ports,
    server: `https://127.0.0.1:${ports.api}`,
    etcdUrl: `http://127.0.0.1:${ports.etcd}`,
    kubeconfig: join(dir, 'kubeconfig'),
    caFile: certificateFile(dir),
    adminToken: readFileSync(tokenFile(dir), 'utf8').split(',', 1)[0] ?? '',
  }
}

async function openPorts(file: string): Promise<void> {
  const saved: Partial<Ports> = existsSync(file) ? JSON.parse(readFileSync(file, 'utf8')) : {}
  const [api = 0, etcd = 0, etcdPeer = 0] = await freePorts(3)
  const ports: Ports = {
    api: await keep(saved.api, api),
    etcd: await keep(saved.etcd, etcd),
    etcdPeer: await keep(saved.etcdPeer, etcdPeer),
  }
  writeFileSync(file, `${JSON.stringify(ports)}\n`)
}

async function keep(saved: number | undefined, fresh: number): Promise<number> {
  return saved !== undefined && (await isFree(saved)) ? saved : fresh
}

/**
 * The certificates that vouch for the API server, PEM; undefined while it has not written them whole. It writes the
 * certificates first and the key after them, so they are whole once there is a key.
 */
export function readCertificate({ caFile }: Pick<ControlPlaneHome, 'caFile'>): string | undefined {
  const isWhole = (file: string) => existsSync(file) && readFileSync(file, 'utf8').includes('-----END')
  return isWhole(keyOf(caFile)) && isWhole(caFile) ? readFileSync(caFile, 'utf8') : undefined
}

/**
 * The API server signs a certificate for itself, good for a year, when it finds none: one that ends soon is taken away,
 * and so is what a server that was killed while it wrote has left behind, with which no server starts.
 */
function renewCertificate(caFile: string): void {
  const certificate = readCertificate({ caFile })
  const endsAt = certificate === undefined ? 0 : Date.parse(new X509Certificate(certificate).validTo)
  if (endsAt < Date.now() + YEAR_MS / 12) for (const each of [caFile, keyOf(caFile)]) rmSync(each, { force: true })
}

function makeServiceAccountKey(dir: string): void {
  const file = join(dir, 'pki', 'service-accounts.key')
  if (!existsSync(file)) {
    const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
    writeFileSync(file, privateKey.export({ type: 'sec1', format: 'pem' }), { mode: 0o600 })
  }
  const publicKey = createPublicKey(createPrivateKey(readFileSync(file)))
  writeFileSync(join(dir, 'pki', 'service-accounts.pub'), publicKey.export({ type: 'spki', format: 'pem' }))
}

function makeAdminToken(file: string): void {
  if (!existsSync(file)) writeFileSync(file, `${randomBytes(24).toString('hex')},admin,admin,"system:masters"\n`, { mode: 0o600 })
}

const certificateFile = (dir: string) => join(dir, 'pki', 'apiserver.crt')
const keyOf = (certificate: string) => certificate.replace('.crt', '.key')
const tokenFile = (dir: string) => join(dir, 'pki', 'tokens.csv')
