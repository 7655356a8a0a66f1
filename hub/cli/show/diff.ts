import { FleetError } from '../../../proto/base/errors.ts'
import type { FieldDiff, ObjectDiff, ReleaseDiff, ReleaseStep } from '../../../proto/model/diff.ts'
import { stepsOf } from '../../../proto/model/json-pointer.ts'

const WORDS: Record<ReleaseStep, string> = {
  nothing: 'is in order',
  test: 'is in order and would be tested',
  install: 'would be installed',
  upgrade: 'would be upgraded',
  reinstall: 'would be uninstalled, and installed anew',
  rollback: 'would be rolled back',
  uninstall: 'would be uninstalled, as the remedy for its failure',
  unlock: 'is locked',
}
const SIGNS: Record<ObjectDiff['what'], string> = { created: '+', changed: '~', deleted: '-', recreated: '±', refused: '✗' }

/** What a person reads of a diff: what would happen and why, object by object, then a sum. */
export function diffText(diff: ReleaseDiff, cluster: string): string {
  const { held, metadata, notes, objects, reason, step } = diff
  const head = `${cluster}: HelmRelease ${metadata.namespace}/${metadata.name} ${WORDS[step]}${reason ? `: ${reason}` : ''}`
  const lines = [
    ...(held ? [`◎ not now: ${held}`] : []),
    chartLine(diff),
    ...objects.flatMap(objectLines),
    ...notes.map((note) => `◎ ${note}`),
    sum(diff),
  ]
  return `${[head, ...lines.map((line) => `  ${line}`)].join('\n')}\n`
}

function chartLine({ chart: { from, to }, release }: ReleaseDiff): string {
  const now = release.version === undefined ? '' : ` v${release.version}`
  const charts = [from, to].filter((chart) => chart !== undefined)
  return `release ${release.name}${now}, chart ${from === to ? from : charts.join(' → ')}`
}

function objectLines({ fields = [], message, object, what }: ObjectDiff): readonly string[] {
  const more = message === undefined ? '' : what === 'refused' ? ` would be refused: ${message}` : ` (${message})`
  return [
    `${SIGNS[what]} ${object}${more.replaceAll('\n', '; ')}`,
    ...fields.flatMap((field) => fieldLines(field).map((line) => `    ${line}`)),
  ]
}

function fieldLines(field: FieldDiff): readonly string[] {
  const place = placeOf(field.path)
  const [from, to] = [field.from, field.to]
  if (!('to' in field)) return [`${place}: ${shown(from)} → gone`]
  if (!('from' in field)) return isLong(to) ? [`${place}:`, ...block('+', to)] : [`${place}: → ${shown(to)}`]
  if (shown(from) === shown(to)) return [`${place}: changes, ${shown(to)}`]
  if (!isLong(from) && !isLong(to)) return [`${place}: ${shown(from)} → ${shown(to)}`]
  return [`${place}:`, ...block('-', from), ...block('+', to)]
}

/** `spec.containers[0].image`, as people write it. */
function placeOf(pointer: string): string {
  return stepsOf(pointer).reduce((path, step) => {
    if (/^\d+$/.test(step)) return `${path}[${step}]`
    if (!/^[\w-]+$/.test(step)) return `${path}[${JSON.stringify(step)}]`
    return path === '' ? step : `${path}.${step}`
  }, '')
}

const LONG = 80

function isLong(value: unknown): boolean {
  return typeof value === 'string' ? value.includes('\n') : shown(value).length > LONG
}

function shown(value: unknown): string {
  return clean(typeof value === 'string' && value !== '' && value === value.trim() ? value : JSON.stringify(value))
}

function block(sign: string, value: unknown): readonly string[] {
  const text = typeof value === 'string' ? value.replace(/\n$/, '') : JSON.stringify(value, null, 2)
  return text.split('\n').map((line) => `  ${sign} ${clean(line)}`)
}

/** What a cluster's objects hold is not to move the cursor of a terminal. */
function clean(text: string): string {
  return [...text].map((char) => (char !== '\t' && (char < ' ' || (char >= '\u007f' && char <= '\u009f')) ? ' ' : char)).join('')
}

function sum({ objects, step, unchanged }: ReleaseDiff): string {
  const count = (what: ObjectDiff['what']) => objects.filter((one) => one.what === what).length
  const parts = (Object.keys(SIGNS) as ObjectDiff['what'][]).map((what) => [count(what), what] as const).filter(([many]) => many > 0)
  if (parts.length === 0 && unchanged === 0) return step === 'unlock' ? 'objects cannot be compared now' : 'no objects'
  return [...parts, [unchanged, 'unchanged'] as const].map(([many, what]) => `${many} ${what}`).join(', ')
}

/** @throws `internal` where the hub answers with something else */
export function readDiff(answer: unknown): ReleaseDiff {
  if (typeof answer === 'object' && answer !== null && (answer as { kind?: unknown }).kind === 'HelmReleaseDiff')
    return answer as ReleaseDiff
  throw new FleetError('internal', 'the hub answered with what is no diff; this program and the hub are of different versions')
}
