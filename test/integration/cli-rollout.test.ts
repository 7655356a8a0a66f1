import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { stringify } from 'yaml'
import { HubClient } from '../../hub/cli/ask/client.ts'
import { readConfig } from '../../hub/cli/ask/config.ts'
import { ACTIONS } from '../../hub/tenants/model.ts'
import { eventually } from '../support/eventually.ts'
import { openTestHub, type TestHub } from '../support/hub.ts'

let hub: TestHub
beforeAll(async () => {
  hub = await openTestHub()
  for (const name of ['shop', 'bank']) await hub.flotilla(['tenant', 'create', name, '--namespace', name, '--all-clusters'])
})
afterAll(() => hub?.[Symbol.asyncDispose]())

const aRollout = (namespace: string, spec: object = {}) =>
  stringify({
    apiVersion: 'fleet.flotilla.dev/v1alpha1',
    kind: 'Rollout',
    metadata: { name: 'web', namespace },
    spec: { source: { kind: 'GitRepository', name: 'web' }, ...spec },
  })
const apply = (text: string, who?: string) =>
  hub.flotilla(['apply', '-f', '-'], { input: text, ...(who ? { env: { FLOTILLA_CONFIG: who } } : {}) })

/** Configuration of somebody with a token of their own. */
async function as(name: string, role: string, tenant?: string, verbs?: string): Promise<string> {
  const bound = [...(tenant ? ['--tenant', tenant] : []), ...(verbs ? ['--verbs', verbs] : [])]
  const made = await hub.flotilla(['token', 'create', '--description', name, '--role', role, ...bound, '-o', 'json'])
  const { token } = JSON.parse(made.out) as { token: string }
  const path = join(hub.dir, `${name}.json`)
  writeFileSync(path, JSON.stringify({ ...JSON.parse(readFileSync(hub.adminFile, 'utf8')), token }))
  return path
}

test('a Rollout is checked when it is applied, and says what it waits for', async () => {
  const wrong = await apply(aRollout('shop', { waves: [{ name: 'one' }, { name: 'one', rest: true }] }))
  expect(wrong.code).not.toBe(0)
  expect(wrong.said).toContain('spec.waves[0]')
  expect((await apply(aRollout('shop'))).code).toBe(0)
  const shown = await eventually('the Rollout was looked at', async () => {
    const { out } = await hub.flotilla(['rollout', 'status', 'web', '-n', 'shop'])
    return out.includes('no revision is known yet') && out
  })
  expect(shown).toBe('Rollout shop/web\nno revision is known yet\n')
})

test('what is asked of a Rollout is a right of its own, and the audit log keeps who asked and why', async () => {
  const [editor, viewer] = [await as('ed', 'editor'), await as('vi', 'viewer')]
  const ask = (who: string, verb: string) =>
    hub.flotilla(['rollout', verb, 'web', '-n', 'shop', '--reason', 'because of Friday'], { env: { FLOTILLA_CONFIG: who } })
  expect(await ask(viewer, 'pause')).toMatchObject({ code: 3, said: expect.stringContaining('may not pause rollouts "web"') })
  expect(await ask(editor, 'pause')).toMatchObject({ code: 0, said: '✔ Rollout shop/web is paused: nothing more is released\n' })
  expect((await hub.flotilla(['rollout', 'status', 'web', '-n', 'shop'])).out).toContain('paused; flotilla rollout resume web goes on')
  expect(await ask(editor, 'approve')).toMatchObject({ said: expect.stringContaining('no run is in progress') })
  expect(await ask(editor, 'resume')).toMatchObject({ code: 0 })
  expect((await ask(editor, 'resume')).said).toContain('it is neither paused nor held')
  const { rows } = await hub.database.db.query(
    "select subject, verb, outcome, detail from audit where object = 'rollouts/shop/web' and verb <> 'create' order by id",
  )
  expect(rows).toEqual([
    { subject: 'vi', verb: 'pause', outcome: expect.any(String), detail: 'because of Friday' },
    { subject: 'ed', verb: 'pause', outcome: 'done', detail: 'because of Friday' },
    { subject: 'ed', verb: 'approve', outcome: 'conflict', detail: 'because of Friday' },
    { subject: 'ed', verb: 'resume', outcome: 'done', detail: 'because of Friday' },
    { subject: 'ed', verb: 'resume', outcome: 'conflict', detail: 'because of Friday' },
  ])
})

test.each(ACTIONS)('who is given the verb %s alone may ask that, and nothing else', async (given) => {
  const env = { FLOTILLA_CONFIG: await as(`only-${given}`, 'viewer', 'shop', given) }
  const refused = ACTIONS.map(async (verb) => {
    const { said } = await hub.flotilla(['rollout', verb, 'web', '-n', 'shop', '--reason', 'a test'], { env })
    return said.includes(`may not ${verb} rollouts "web"`)
  })
  expect(await Promise.all(refused)).toEqual(ACTIONS.map((verb) => verb !== given))
  expect((await hub.flotilla(['rollout', 'status', 'web', '-n', 'shop'], { env })).code).toBe(0)
})

test('a token shows its verbs, and unknown ones are refused', async () => {
  await as('approver', 'viewer', 'shop', 'approve,skip')
  expect((await hub.flotilla(['token', 'list'])).out).toMatch(/approver +viewer +shop +approve,skip/)
  const wrong = await hub.flotilla(['token', 'create', '--description', 'x', '--verbs', 'delete'])
  expect(wrong).toMatchObject({ code: expect.any(Number), said: expect.stringContaining('spec.verbs[0]') })
})

test('nothing is asked of a Rollout, and no token is made, as a trial that the audit log does not see', async () => {
  const { signal } = new AbortController()
  await using client = new HubClient(await readConfig({ FLOTILLA_CONFIG: hub.adminFile }), () => undefined)
  const post = (path: string, dryRun: string, body: object) =>
    client.send('POST', `/apis/fleet.flotilla.dev/v1alpha1/${path}`, { signal, body, query: { dryRun } })
  const token = { apiVersion: 'fleet.flotilla.dev/v1alpha1', kind: 'Token', metadata: {}, spec: { description: 'trial', role: 'admin' } }
  for (const dryRun of ['All', 'true']) {
    await expect(post('namespaces/shop/rollouts/web/pause', dryRun, { reason: 'x' })).rejects.toMatchObject({ code: 'invalid' })
    await expect(post('tokens', dryRun, token)).rejects.toMatchObject({ code: 'invalid' })
  }
  expect((await hub.flotilla(['rollout', 'status', 'web', '-n', 'shop'])).out).not.toContain('paused')
})

test('tenants see and move nothing of each other', async () => {
  const bank = await as('bank', 'admin', 'bank')
  const asBank = (...args: readonly string[]) => hub.flotilla(args, { env: { FLOTILLA_CONFIG: bank } })
  expect((await asBank('rollout', 'status', 'web', '-n', 'shop')).said).toContain('not found')
  expect((await asBank('rollout', 'pause', 'web', '-n', 'shop')).said).toContain('not found')
  expect((await apply(aRollout('shop'), bank)).code).not.toBe(0)
  expect((await apply(aRollout('bank'), bank)).code).toBe(0)
  expect((await asBank('rollout', 'pause', 'web', '-n', 'bank')).code).toBe(0)
})

test('tenants are shown what happens to their own Rollouts and Placements, and not to those of others', async () => {
  for (const namespace of ['bank', 'shop'])
    await hub.database.db.query(
      `insert into events (id, cluster_id, grp, kind, namespace, name, severity, reason, message, at)
       values ($1, 'fleet', 'fleet.flotilla.dev', 'Rollout', $1, 'web', 'info', 'rollout.wave.started', 'wave one starts', now())`,
      [namespace],
    )
  const env = { FLOTILLA_CONFIG: await as('auditor', 'viewer', 'bank') }
  expect((await hub.flotilla(['events', '-A'], { env })).out.match(/rollout.wave.started +Rollout\/web/g)).toHaveLength(1)
  expect((await hub.flotilla(['events', '-A'])).out.match(/rollout.wave.started +Rollout\/web/g)).toHaveLength(2)
})

test('a whole hub gives a new Placement to the first wave alone, and to the others when a person skips that wave', async () => {
  const { db } = hub.database
  for (const [at, name] of ['one', 'two'].entries()) {
    const id = `c-${String(at + 1).padStart(24, '0')}`
    await db.query("insert into clusters (id, name, public_key, csr, approved_at) values ($1, $2, $1, '', now())", [id, name])
    await db.query('insert into cluster_heads (cluster_id) values ($1)', [id])
  }
  const placement = (path: string) =>
    stringify({
      apiVersion: 'fleet.flotilla.dev/v1alpha1',
      kind: 'Placement',
      metadata: { name: 'base', namespace: 'flux-system' },
      spec: {
        clusters: { all: true },
        objects: [
          {
            apiVersion: 'kustomize.toolkit.fluxcd.io/v1',
            kind: 'Kustomization',
            metadata: { name: 'base', namespace: 'flux-system' },
            spec: { interval: '10m', path, prune: true, sourceRef: { kind: 'GitRepository', name: 'base' } },
          },
        ],
      },
    })
  const waves = [
    { name: 'first', max: 1 },
    { name: 'rest', rest: true },
  ]
  const placed = (wanted: readonly string[]) =>
    eventually(`clusters are given ${wanted.join(', ')}`, async () => {
      const { rows } = await db.query<{ text: string }>(
        `select c.name || ' ' || (m.manifest #>> '{spec,path}') as text from placed d
         join clusters c on c.id = d.cluster_id join manifests m on m.digest = d.manifest order by 1`,
      )
      return JSON.stringify(rows.map(({ text }) => text)) === JSON.stringify(wanted)
    })
  expect(await apply(aRollout('flux-system', { source: { kind: 'Placement', name: 'base' }, waves }))).toMatchObject({ code: 0 })
  expect(await apply(placement('./v1'))).toMatchObject({ code: 0 })
  await placed(['one ./v1'])
  expect(await hub.flotilla(['rollout', 'skip', 'web', '-n', 'flux-system'])).toMatchObject({ code: 0 })
  await placed(['one ./v1', 'two ./v1'])
  expect(await apply(placement('./v2'))).toMatchObject({ code: 0 })
  await placed(['one ./v2', 'two ./v1'])
  expect(await hub.flotilla(['delete', 'rollout', 'web', '-n', 'flux-system'])).toMatchObject({ code: 0 })
  await placed(['one ./v2', 'two ./v2'])
})

test('why says of what a Placement keeps from a cluster which part of the selector does', async () => {
  const sourceRef = { kind: 'GitRepository', name: 'base' }
  const other = {
    apiVersion: 'kustomize.toolkit.fluxcd.io/v1',
    kind: 'Kustomization',
    metadata: { name: 'other' },
    spec: { interval: '10m', path: './', prune: true, sourceRef },
  }
  const spec = { clusters: { names: ['one'] }, objects: [other] }
  const metadata = { name: 'apart', namespace: 'flux-system' }
  await apply(stringify({ apiVersion: 'fleet.flotilla.dev/v1alpha1', kind: 'Placement', metadata, spec }))
  for (const object of ['kustomization/other', 'placement/apart'])
    await eventually(`why ${object}`, async () => {
      const { code, out } = await hub.flotilla(['why', 'two', object])
      return code === 0 && out.includes('two: Placement/flux-system/apart gives it nothing: its name is not among one\n')
    })
  expect(await hub.flotilla(['why', 'two', 'kustomization/nothing'])).toMatchObject({ code: 3 })
})
