import { expect, test } from 'vitest'
import type { Manifest } from '../../proto/model/manifest.ts'
import { adoptionOf } from './adoption.ts'

const controller = (
  name: string,
  o: { readonly replicas?: number; readonly ready?: number; readonly args?: readonly string[] } = {},
): Manifest => ({
  apiVersion: 'apps/v1',
  kind: 'Deployment',
  metadata: { name, namespace: 'flux-system' },
  spec: { replicas: o.replicas ?? 0, template: { spec: { containers: [{ name: 'manager', args: o.args ?? [] }] } } },
  status: { readyReplicas: o.ready ?? 0 },
})
const acting = { kind: 'acting', noCrossNamespaceRefs: false, defaultServiceAccount: undefined }

test.each([
  ['without Flux the agent acts', [], acting],
  ['other controllers of Flux do not keep it from acting', [controller('helm-controller', { replicas: 1 })], acting],
  ['a controller that is scaled down does not either', [controller('kustomize-controller')], acting],
  [
    'a controller that is to run does',
    [controller('kustomize-controller', { replicas: 1 })],
    expect.objectContaining({ kind: 'observing' }),
  ],
  ['a pod that is still ready does', [controller('source-controller', { ready: 1 })], expect.objectContaining({ kind: 'observing' })],
  [
    'lockdown flags bind the agent, in either form',
    [
      controller('kustomize-controller', {
        args: ['--no-cross-namespace-refs=true', '--default-service-account', 'default', '--concurrent=4'],
      }),
    ],
    { kind: 'acting', noCrossNamespaceRefs: true, defaultServiceAccount: 'default' },
  ],
  [
    'those of the controller whose HelmReleases are left to it bind it too',
    [controller('helm-controller', { replicas: 1, args: ['--no-cross-namespace-refs=true'] })],
    { ...acting, noCrossNamespaceRefs: true },
  ],
  [
    'a lockdown flag that is switched off does not',
    [controller('kustomize-controller', { args: ['--no-cross-namespace-refs=false', '--no-remote-bases=true'] })],
    acting,
  ],
])('%s', (_name, deployments, expected) => {
  expect(adoptionOf(deployments)).toEqual(expected)
})

test.each(['--default-decryption-service-account=x', '--watch-all-namespaces=false', '--watch-label-selector=a=b', '--no-something-new'])(
  '%s cannot be honoured and stops adoption',
  (flag) => {
    const why = expect.stringContaining(flag)
    expect(adoptionOf([controller('kustomize-controller', { args: [flag] })])).toEqual({ kind: 'observing', why })
  },
)
