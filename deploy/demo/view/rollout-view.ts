import { ROLLOUT } from '../../../proto/model/fleet/kinds.ts'
import type { RolloutStatus } from '../../../proto/model/fleet/rollout-status.ts'
import type { Manifest } from '../../../proto/model/manifest.ts'
import { apiVersionOfKind } from '../../../proto/model/resource/kind.ts'
import { followObjects } from './objects.ts'
import { runNews } from './run-news.ts'

/** A Rollout as the hub tells it, by watch. */
export interface RolloutView extends AsyncDisposable {
  status(): RolloutStatus
  /** Waits until its status is so, and returns when that was, on the clock of `nowMs`. `what` is for the sentence when it does not happen. */
  when(what: string, is: (status: RolloutStatus) => boolean, signal: AbortSignal): Promise<number>
}

export interface RolloutViewOptions {
  /** The hub's. */
  readonly kubeconfig: string
  readonly namespace: string
  readonly name: string
  /** Given each thing that happens to its runs. */
  readonly news: (text: string) => void
}

export async function openRolloutView({ kubeconfig, name, namespace, news }: RolloutViewOptions): Promise<RolloutView> {
  let status: RolloutStatus = {}
  const changed = (object: Manifest) => {
    if (object.metadata.name !== name) return
    const before = status
    status = statusOf(object)
    for (const text of runNews(before, status)) news(text)
  }
  const of = [{ apiVersion: apiVersionOfKind(ROLLOUT), kind: ROLLOUT.kind, namespace }]
  const objects = await followObjects({ kubeconfig, context: 'fleet', of, troubles: troublesOf, changed })
  return {
    status: () => status,
    when: (what, is, signal) => objects.when(what, () => is(status), signal),
    [Symbol.asyncDispose]: () => objects[Symbol.asyncDispose](),
  }
}

const statusOf = ({ status = {} }: Manifest) => status as RolloutStatus

function troublesOf(object: Manifest): readonly string[] {
  const { conditions = [], problems = [], run } = statusOf(object)
  const says = run?.message ?? conditions.find(({ type }) => type === 'Ready')?.message ?? 'nobody has looked at it yet'
  return [`Rollout ${object.metadata.name}: ${says}`, ...problems.map(({ cluster = '', message }) => `${cluster}: ${message}`)]
}
