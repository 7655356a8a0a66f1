/** Programs that Flotilla runs beside itself; see table.mjs for versions. */
export type ToolName = 'kubernetes' | 'kwok' | 'registry' | 'versitygw' | 'nats-server' | 'flotilla-kustomize' | 'flotilla-helm'

type Env = Readonly<Record<string, string | undefined>>

/** The folder that all checkouts share: FLOTILLA_CACHE, else `flotilla` in XDG_CACHE_HOME, else ~/.cache/flotilla. */
export function cacheDir(env?: Env): string

/** Where the program is, by override (FLOTILLA_TOOL_NAME), PATH where the version fits, cache; undefined when it has to be built. */
export function findTool(name: ToolName, env?: Env): string | undefined

/** As `findTool`, but throws a sentence that says how to get the program when it is not there. Never builds. */
export function toolPath(name: ToolName, env?: Env): string

/** How to call kubectl: program and first argument. Throws as `toolPath`. */
export function kubectlCommand(env?: Env): [file: string, firstArgument: string]

/** A script named `kubectl` for people's shells, where the cache has one. */
export function kubectlProgram(env?: Env): string | undefined

/**
 * Makes sure that the programs are there: builds those that are not, showing progress on stderr.
 *
 * Any number of processes may ask for the same program at once: one builds, the others show that they wait.
 * @returns the path of each program asked for
 * Throws a sentence: Go is missing or too old, or a build failed (with the end of the compiler's output).
 */
export function ensureTools<Name extends ToolName>(names: readonly Name[], env?: Env): Promise<Record<Name, string>>
