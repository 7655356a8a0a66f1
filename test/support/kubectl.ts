import { runProgram } from '../../deploy/local/process/run-program.ts'
import { kubectlCommand } from '../../deploy/tools/tools.mjs'

/** Runs the real kubectl with a kubeconfig and returns what it printed; a failure throws with its words. */
export function kubectl(
  kubeconfig: string,
  args: readonly string[],
  { input, signal = AbortSignal.timeout(60_000) }: { readonly input?: string; readonly signal?: AbortSignal } = {},
): Promise<string> {
  const [file, face] = kubectlCommand()
  return runProgram([file, face, `--kubeconfig=${kubeconfig}`, ...args], { signal, ...(input === undefined ? {} : { input }) })
}
