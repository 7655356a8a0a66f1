import type { ClusterId } from '../../proto/model/ids.ts'
import { isEnded } from './advance.ts'
import type { Facts, Run, Target, Wave } from './model.ts'
import { countTargets } from './step/budget.ts'
import { waveSoakLeftMs } from './step/look-again.ts'
import { blame, sentence } from './step/records.ts'
import { mayRelease, membersOf } from './step/release.ts'
import { currentWave, soakLeftMs } from './step/walk.ts'

/** Clusters that a sentence names; the rest is a number. */
const NAMED = 3

/**
 * What a run waits for and until when, in one sentence; how it ended, when it has. It says
 * instants, not how long, so that it changes only when something did: time that is not watched comes on top of them.
 */
export function explainRun(run: Run, facts: Facts, now: Date): string {
  if (isEnded(run)) return run.outcome ?? `it is ${run.state}`
  if (run.state === 'rolling-back') return explainBack(run)
  const index = currentWave(run)
  const wave = run.waves[index]
  if (!wave) return `every wave is done; ${explainLate(run, facts)}`
  return `wave ${wave.plan.name} ${explainWave(run, { wave, members: membersOf(run, index) }, { facts, now })}`
}

/** Why a cluster has not what the run brings, or that it has it, in one sentence. */
export function explainTarget(run: Run, cluster: ClusterId, { facts, now }: { readonly facts: Facts; readonly now: Date }): string {
  const target = run.targets.get(cluster)
  if (!target) return 'no wave of the run takes it'
  const wave = run.waves[target.wave]?.plan.name ?? ''
  switch (target.state) {
    case 'waiting':
      return isEnded(run)
        ? `its turn in wave ${wave} did not come: ${explainRun(run, facts, now)}`
        : `its turn in wave ${wave} is to come: ${explainRun(run, facts, now)}`
    case 'released':
      return target.given === 'before'
        ? `it is being given back ${target.before?.revision}`
        : `it was released in wave ${wave} and is not healthy yet: ${sentence(target)}`
    case 'healthy':
      return `it was released in wave ${wave} and is healthy`
    case 'failed':
      return `it failed in wave ${wave}: ${sentence(target)}`
    case 'offline':
      return `it is offline; ${target.given === 'before' ? target.before?.revision : run.content.revision} waits for it`
    case 'rolled-back':
      return `it was given back ${target.before?.revision}: ${explainRun(run, facts, now)}`
    case 'gone':
      return 'it left during the run'
    default:
      return target.state satisfies never
  }
}

/** Who joined late, or was in a wave that was skipped. */
function explainLate(run: Run, facts: Facts): string {
  const { released, waiting } = countTargets(run)
  if (released === 0 && !mayRelease(run, facts)) return `it ${heldUp(facts, waiting)}`
  return `waits for ${named(onTheirWay(run, [...run.targets.values()]))} to become healthy`
}

interface Moment {
  readonly facts: Facts
  readonly now: Date
}

function explainBack(run: Run): string {
  const left = [...run.targets.values()].filter(({ given, state }) => given === 'before' && state === 'released')
  const why = blame(run)
  const waits = `waits for ${named(left)} to acknowledge what ${left.length === 1 ? 'it' : 'they'} had before`
  return `takes ${run.content.revision} back${why === undefined ? '' : ` since ${why}`}; ${waits}`
}

function explainWave(
  run: Run,
  { members, wave }: { readonly wave: Wave; readonly members: readonly Target[] },
  { facts, now }: Moment,
): string {
  if (wave.plan.approval && wave.approvedBy === undefined)
    return `waits for approval of ${run.content.revision}, by someone who may approve`
  const moving = onTheirWay(run, members)
  if (moving.length > 0) return `waits for ${named(moving)} to become healthy${deadline(run, moving, now)}${firstComplaint(moving)}`
  const { failed, healthy, offline, waiting } = countTargets(run, run.waves.indexOf(wave))
  if (waiting > 0 && !mayRelease(run, facts)) return heldUp(facts, waiting)
  if (healthy > 0) {
    const leftMs = waveSoakLeftMs(run, wave.plan.soakMs)
    return `is healthy in ${clusters(healthy)} and soaks until ${instant(new Date(now.getTime() + leftMs))} if it stays so`
  }
  return `waits for a healthy cluster: ${failed} failed, ${offline} offline; it can be skipped`
}

function heldUp({ paused, window }: Facts, waiting: number): string {
  const who = `${clusters(waiting)} ${waiting === 1 ? 'waits' : 'wait'}`
  if (paused) return `is paused; ${who} until it is resumed`
  return window.changesAt
    ? `waits for its window, which opens at ${instant(window.changesAt)}; ${who}`
    : `waits for a window, and none opens again; ${who}`
}

function onTheirWay(run: Run, members: readonly Target[]): readonly Target[] {
  const late = [...run.targets.values()].filter(({ state }) => state === 'waiting')
  const moving = members.filter(({ state }) => state === 'released').sort((a, b) => (a.name < b.name ? -1 : 1))
  return moving.length > 0 || currentWave(run) < run.waves.length ? moving : late
}

/** The one whose time is up first. */
function deadline(run: Run, moving: readonly Target[], now: Date): string {
  const left = moving.filter(({ sinceMs }) => sinceMs !== undefined).map((target) => soakLeftMs(run, target, run.policy.progressDeadlineMs))
  return left.length === 0 ? '' : `, the first until ${instant(new Date(now.getTime() + Math.max(0, Math.min(...left))))}`
}

function firstComplaint(moving: readonly Target[]): string {
  const first = moving.find(({ complaint }) => complaint !== undefined)
  return first ? `; ${sentence(first)}` : ''
}

function named(targets: readonly Target[]): string {
  const names = targets.slice(0, NAMED).map(({ name }) => name)
  const more = targets.length - names.length
  return more > 0 ? `${names.join(', ')} and ${more} more` : names.join(', ')
}

function clusters(count: number): string {
  return count === 1 ? '1 cluster' : `${count} clusters`
}

function instant(at: Date): string {
  return at.toISOString().replace(/\.\d+Z$/, 'Z')
}
