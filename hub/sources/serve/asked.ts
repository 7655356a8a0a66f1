import type { Manifest } from '../../../proto/model/manifest.ts'
import type { Frozen, KindAndOptions, SourceProblem } from '../model.ts'

/** What an object asks to have fetched, for whomever. */
export type Asked = KindAndOptions & {
  readonly url: string
  readonly interval: string
  readonly timeout: string | undefined
}

/** Why an object can have nothing fetched for it. */
export interface Unserved {
  readonly problem: SourceProblem & { readonly stalled: boolean }
}

/** What a chart is taken from, as the cluster has it. */
export interface Upstream {
  readonly manifest: Manifest
  readonly credentialId: string | undefined
  readonly credentialProblem: Unserved['problem'] | undefined
  /** What the cluster was given of it; undefined where that is nothing yet. */
  readonly released?: Frozen | undefined
}

export function stalled(reason: string, message: string): Unserved {
  return { problem: { reason, message, stalled: true } }
}

/** What can mend itself by what comes later. */
export function waiting(reason: string, message: string): Unserved {
  return { problem: { reason, message, stalled: false } }
}
