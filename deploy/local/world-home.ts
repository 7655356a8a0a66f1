import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { FleetError } from '../../proto/base/errors.ts'

/** The checkout whose hub and agent are run. */
export const CHECKOUT: string = dirname(dirname(import.meta.dirname))

/** What a world keeps about itself, so that single programs of it can be started again later. */
export interface World {
  readonly dir: string
  readonly clusters: readonly string[]
  /** Settings of the hub beside those that the world makes, by environment variable. */
  readonly hubEnv?: Readonly<Record<string, string>>
  readonly tools: {
    readonly kubernetes: string
    readonly kwok: string
    readonly natsServer: string
    readonly kustomize: string
    readonly helm: string
  }
}

/** The file that says where everything is; there while the world runs. */
export const localFile = (dir: string): string => join(dir, 'local.json')

export const worldFile = (dir: string): string => join(dir, 'world.json')

/** The world of a folder as it was started last. */
export function readWorld(dir: string): World {
  if (!existsSync(worldFile(dir)))
    throw new FleetError('not-found', `read the local world in ${dir}: there is none; start it with --clusters`)
  return JSON.parse(readFileSync(worldFile(dir), 'utf8'))
}

/** Every cluster that was ever started in the folder. */
export function clusterNames(dir: string): readonly string[] {
  return existsSync(join(dir, 'clusters')) ? readdirSync(join(dir, 'clusters')) : []
}
