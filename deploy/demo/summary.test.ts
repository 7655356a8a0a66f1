import { expect, test } from 'vitest'
import type { Outcome } from './model.ts'
import { allDone, nextText, summaryText } from './summary.ts'

const OK: Outcome = { kind: 'ok', title: 'First sync', seen: '12 of 12 ready', ms: 3210 }
const FAILED: Outcome = { kind: 'failed', title: 'One commit', why: 'nothing arrived', ms: 60_000 }

test('the summary has a row for each step, those that were not run included', () => {
  expect(summaryText([OK, FAILED, { kind: 'not run', title: 'Drift' }])).toBe(
    [
      'STEP           SEEN             TIME        RESULT',
      '1 First sync   12 of 12 ready   3.21 s      ok',
      '2 One commit   see above        1 min 0 s   failed',
      '3 Drift                                     not run',
      '',
    ].join('\n'),
  )
})

test('a step that failed or was not run is not done', () => {
  expect(allDone([OK])).toBe(true)
  expect(allDone([OK, FAILED])).toBe(false)
  expect(allDone([OK, { kind: 'not run', title: 'Drift' }])).toBe(false)
})

test('what to try next names real files, and can be pasted', () => {
  const text = nextText({
    cliConfig: '/tmp/my demo/hub/admin.json',
    kubeconfig: '/d/hub.kubeconfig',
    kubectl: '/cache/kubectl',
    clusters: [{ name: 'staging', kubeconfig: '/d/clusters/staging/kubeconfig' }],
    fleetCopy: '/d/work/fleet',
  })
  expect(text).toContain("export 'FLOTILLA_CONFIG=/tmp/my demo/hub/admin.json'")
  expect(text).toContain('alias kubectl=/cache/kubectl')
  expect(text).toContain('kubectl --kubeconfig /d/hub.kubeconfig --context staging get gitrepositories,kustomizations -A')
  expect(text).toContain('npx flotilla rollout status shop --watch')
  expect(text).toContain('git revert --no-edit HEAD')
  expect(text).toContain('kubectl --kubeconfig /d/clusters/staging/kubeconfig -n shop delete deployment web')
})
