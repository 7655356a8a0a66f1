import { FleetError } from '../../../proto/base/errors.ts'
import { isEnded } from '../advance.ts'
import type { Content, Run, SourceObject } from '../model.ts'
import { isDone } from '../next.ts'
import type { RolloutRows, Word } from '../ports.ts'

/** What people may ask of a Rollout by hand. */
export type Asked =
  /** The wave that waits for it, where none is named. */
  | { readonly verb: 'approve' | 'skip'; readonly wave?: string | undefined }
  | { readonly verb: 'pause' | 'resume' }
  /** The newest revision, where none is named. */
  | { readonly verb: 'promote'; readonly revision?: string | undefined }
  /** The last one that went well before the present one, where none is named. */
  | { readonly verb: 'rollback'; readonly revision?: string | undefined }

export interface Doing {
  readonly rows: RolloutRows
  readonly source: SourceObject
  /** `namespace/name`, for messages. */
  readonly name: string
  readonly word: Word
  /** True where the Rollout starts and releases nothing by the word of its spec. */
  readonly suspended: boolean
  readonly lastGood: (before: string) => Promise<Content | undefined>
}

/** Keeps what a person asked for; the next look acts on it. @returns what was done, in a sentence @throws `conflict` where it means nothing now */
export async function act(asked: Asked, doing: Doing): Promise<string> {
  const { name, rows, suspended, word } = doing
  const once = suspended ? ', once it is suspended no longer' : ''
  const { now, state } = rows
  switch (asked.verb) {
    case 'approve':
    case 'skip': {
      const wave = waveFor(asked, doing)
      await rows.say(wave, asked.verb, word.by)
      await rows.save(state, now)
      return asked.verb === 'approve' ? `wave ${wave} of Rollout ${name} is approved` : `wave ${wave} of Rollout ${name} is skipped`
    }
    case 'pause':
      await rows.save({ ...state, paused: word }, now)
      return `Rollout ${name} is paused: nothing more is released`
    case 'resume': {
      if (!state.paused && !state.hold) throw new FleetError('conflict', `resume Rollout ${name}: it is neither paused nor held`)
      // What came during the hold starts now, but for what a person has promoted meanwhile.
      const seen = state.hold ? rows.current?.run.content.revision : state.seen
      await rows.save({ ...state, paused: undefined, hold: undefined, seen }, now)
      return `Rollout ${name} goes on`
    }
    case 'promote': {
      const content = await contentFor(asked.revision, doing, () => state.newest)
      await rows.save({ ...state, asked: { content, cause: 'promote', by: word.by, reason: word.reason } }, now)
      return `a run of Rollout ${name} to ${content.revision} starts${once}`
    }
    case 'rollback': {
      const last = rows.current && rows.current.note.number > (state.moves?.since ?? 0) ? rows.current.run : undefined
      const present = last?.content.revision ?? state.newest?.revision ?? ''
      const content = await contentFor(asked.revision, doing, async () => (await doing.lastGood(present)) ?? beforeOf(last))
      // A pause would keep it from going back, and who ends that ends the hold too.
      const back = { content, cause: 'rollback', by: word.by, reason: word.reason } as const
      await rows.save({ ...state, hold: word, paused: undefined, asked: back }, now)
      return `Rollout ${name} goes back to ${content.revision}${once} and is held there until it is resumed`
    }
    default:
      return asked satisfies never
  }
}

function waveFor({ verb, wave: named }: Extract<Asked, { verb: 'approve' | 'skip' }>, { name, rows: { current } }: Doing): string {
  const run = current?.run
  if (!run || isEnded(run)) throw new FleetError('conflict', `${verb} a wave of Rollout ${name}: no run is in progress`)
  if (run.state === 'rolling-back')
    throw new FleetError('conflict', `${verb} a wave of Rollout ${name}: its run goes back, and no wave of it is to come`)
  const open = run.waves.filter((wave) => !isDone(wave) && (verb === 'skip' || (wave.plan.approval && wave.approvedBy === undefined)))
  const wave = named === undefined ? open[0] : open.find(({ plan }) => plan.name === named)
  if (wave) return wave.plan.name
  const names = open.map(({ plan }) => plan.name).join(', ')
  const what = named === undefined ? 'no wave waits for it' : `wave ${named} does not wait for it${names ? `; ${names} can` : ''}`
  throw new FleetError('conflict', `${verb} a wave of Rollout ${name}: ${what}`)
}

async function contentFor(
  revision: string | undefined,
  { name, rows, source }: Doing,
  otherwise: () => Promise<Content | undefined> | Content | undefined,
): Promise<Content> {
  const content = revision === undefined ? await otherwise() : await rows.revision(revision, source)
  if (content) return content
  const why =
    revision === undefined
      ? 'no such revision is known yet; name one'
      : `no single revision that its sources have seen is called ${JSON.stringify(revision)}`
  throw new FleetError('conflict', `move Rollout ${name}: ${why}`)
}

/** What most clusters of the run had before it; before a run back they had what that is to go back from. */
function beforeOf(run: Run | undefined): Content | undefined {
  if (run?.cause === 'rollback') return undefined
  const counts = new Map<string, { readonly content: Content; count: number }>()
  for (const { before } of run?.targets.values() ?? []) {
    if (!before) continue
    const known = counts.get(before.revision) ?? { content: before, count: 0 }
    known.count++
    counts.set(before.revision, known)
  }
  return [...counts.values()].sort((a, b) => b.count - a.count)[0]?.content
}
