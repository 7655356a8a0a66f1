/**
 * What is missing before what a Kustomization or HelmRelease applied counts as healthy: its agent's word on what it attempted, the
 * mirror of a Flux object as that attempt left it, or health itself.
 */
export interface Lack {
  /** What has not come yet, or how what was applied is doing. */
  readonly of: 'word' | 'mirror' | 'InProgress' | 'Failed'
  /** The Flux object that is missed, or the agent's sentence on what is to blame. */
  readonly word: string | null
}

/** The lack of an object, `Kustomization/team-a/podinfo`, with the sentence that says why. */
export function describeLack(object: string, { of, word }: Lack): { readonly reason: string; readonly message: string } {
  switch (of) {
    case 'word':
      return { reason: 'NotReported', message: `nothing was reported yet of how what ${object} applied is doing` }
    case 'mirror':
      return { reason: 'NotReported', message: `${object} changed ${word}, which was not reported since` }
    case 'InProgress':
      return { reason: 'HealthInProgress', message: word ?? '' }
    case 'Failed':
      return { reason: 'HealthCheckFailed', message: word ?? '' }
    default:
      return of satisfies never
  }
}
