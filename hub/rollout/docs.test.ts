import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { parseAllDocuments } from 'yaml'
import { FLEET_KINDS } from '../../proto/model/fleet/kinds.ts'
import { rolloutSpec } from '../../proto/model/fleet/rollout.ts'
import { FLUX_KINDS } from '../../proto/model/flux/kinds.ts'
import { isManifest } from '../../proto/model/manifest.ts'
import { parseResource } from '../../proto/model/resource/parse.ts'
import { structuralSchema } from '../../proto/model/resource/structural.ts'

const page = readFileSync(new URL('../../docs/rollouts.md', import.meta.url), 'utf8')

test('every manifest of the page is taken as it stands there', () => {
  const manifests = [...page.matchAll(/```yaml\n(.*?)```/gs)].flatMap(([, text = '']) =>
    parseAllDocuments(text).map((one) => one.toJS() as unknown),
  )
  expect(manifests).toHaveLength(5)
  for (const manifest of manifests) {
    if (!isManifest(manifest)) throw new Error(`no manifest: ${JSON.stringify(manifest)}`)
    const kind = [...FLEET_KINDS, ...FLUX_KINDS].find((one) => one.kind === manifest.kind)
    if (!kind) throw new Error(`no such kind: ${manifest.kind}`)
    expect(parseResource(kind, manifest, { strict: true })).toMatchObject({ object: { kind: manifest.kind } })
  }
})

test('the page has every field of a Rollout', () => {
  for (const field of Object.keys(structuralSchema(rolloutSpec).properties ?? {})) expect(page).toMatch(new RegExp(`^\\| \`${field}`, 'm'))
  for (const name of ['max', 'maxConcurrent', 'soak', 'approval', 'rest', 'clusters', 'name'])
    expect(page).toContain(`| \`waves[].${name}\` |`)
})
