import { SOURCE_FAULT, type SourceObjectStatus, type SourceOutcome } from '../mirror/model.ts'
import type { Voice } from './ports.ts'

type Event = Parameters<Voice['event']>[1]

/** What is told of an outcome beside the status: something new, something that failed, and that it is well again. Source: Flux, source-controller. */
export function sourceEvent(before: SourceObjectStatus, outcome: SourceOutcome): Event | undefined {
  switch (outcome.kind) {
    case 'stored': {
      const { revision } = outcome.artifact
      if (revision === before.artifact?.revision && !hadFailed(before)) return undefined
      const message = outcome.said?.message ?? `stored artifact for revision '${revision}'`
      return { severity: 'info', reason: outcome.said?.reason.startsWith('Chart') ? outcome.said.reason : 'NewArtifact', message, revision }
    }
    case 'failed':
    case 'stalled':
      return { severity: 'error', reason: outcome.reason, message: outcome.message, revision: '' }
    default:
      return undefined
  }
}

function hadFailed({ conditions = [] }: SourceObjectStatus): boolean {
  return conditions.some(({ status, type }) => status === 'True' && SOURCE_FAULT.some((fault) => fault === type))
}
