import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { writeKubeconfig } from '../../deploy/local/kubeconfig.ts'
import { type Ran, runFlotilla, type TestWorld } from './world.ts'

/** Somebody with a token of a tenant. */
export interface TokenUser {
  /** Contexts: `fleet`, one for each cluster by its name, and `all` for every cluster at once. */
  readonly kubeconfig: string
  flotilla(args: readonly string[], input?: string): Promise<Ran>
}

/** Makes a token that is bound to the tenant; the files that use it are named after the tenant. */
export async function createTokenUser(world: TestWorld, tenant: string, role: 'admin' | 'editor' | 'viewer'): Promise<TokenUser> {
  const said = ['token', 'create', '--description', tenant, '--tenant', tenant, '--role', role, '-o', 'json']
  const { token } = JSON.parse((await world.flotilla(said)).stdout) as { token: string }
  const admin = JSON.parse(readFileSync(world.file.hub?.cliConfig ?? '', 'utf8')) as { server: string; ca: string }
  const [kubeconfig, config] = [join(world.dir, `${tenant}.kubeconfig`), join(world.dir, `${tenant}.json`)]
  const context = (name: string, path: string) => ({ name, ca: admin.ca, token, server: `${admin.server}${path}` })
  writeKubeconfig(kubeconfig, [
    context('fleet', ''),
    ...world.file.clusters.map(({ name }) => context(name, `/clusters/${name}`)),
    context('all', '/clusters/-'),
  ])
  writeFileSync(config, JSON.stringify({ ...admin, token }), { mode: 0o600 })
  return { kubeconfig, flotilla: (args, input) => runFlotilla(config, args, input) }
}
