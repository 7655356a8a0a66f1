import { expect, test } from 'vitest'
import type { HealthStatus } from '../../proto/model/health.ts'
import type { Manifest } from '../../proto/model/manifest.ts'
import { canBeLate, computeHealth } from './compute.ts'
import { describeUnhealthy, together, verdict } from './verdict.ts'

const now = new Date('2026-01-01T00:01:00Z')
const an = (
  apiVersion: string,
  kind: string,
  body: Record<string, unknown> = {},
  metadata: Partial<Manifest['metadata']> = {},
): Manifest => ({
  apiVersion,
  kind,
  metadata: { name: 'x', generation: 1, ...metadata },
  ...body,
})
const is = (type: string, status = 'True', reason = '', message = '') => ({ type, status, reason, message })
const rolledOut = { observedGeneration: 1, replicas: 2, updatedReplicas: 2, readyReplicas: 2, availableReplicas: 2 }
const deployment = (status: object, spec: object = {}) =>
  an('apps/v1', 'Deployment', { spec: { replicas: 2, progressDeadlineSeconds: 600, ...spec }, status })
const done = [is('Progressing', 'True', 'NewReplicaSetAvailable'), is('Available')]
const set = (status: object, spec: object = {}) =>
  an('apps/v1', 'StatefulSet', { spec: { replicas: 2, ...spec }, status: { replicas: 2, readyReplicas: 2, currentReplicas: 2, ...status } })
const daemons = (status: object) =>
  an('apps/v1', 'DaemonSet', {
    status: {
      observedGeneration: 1,
      desiredNumberScheduled: 2,
      currentNumberScheduled: 2,
      updatedNumberScheduled: 2,
      numberAvailable: 2,
      numberReady: 2,
      ...status,
    },
  })
const pod = (phase: string, more: object = {}) =>
  an('v1', 'Pod', { status: { phase, ...more } }, { creationTimestamp: '2026-01-01T00:00:00Z' })
const job = (status: object) => an('batch/v1', 'Job', { spec: { completions: 3 }, status })
const crd = (...conditions: object[]) => an('apiextensions.k8s.io/v1', 'CustomResourceDefinition', { status: { conditions } })
const flux = (conditions: object[], observedGeneration = 1) =>
  an('kustomize.toolkit.fluxcd.io/v1', 'Kustomization', { status: { conditions, observedGeneration } })

test.each<[string, Manifest, string, string?]>([
  ['any object being deleted', an('v1', 'ConfigMap', {}, { deletionTimestamp: 'x' }), 'Terminating'],
  ['a ConfigMap', an('v1', 'ConfigMap'), 'Current'],
  ['an object without status', an('x.io/v1', 'Thing'), 'Current'],
  ['a Namespace', an('v1', 'Namespace', { status: { phase: 'Active' } }), 'Current'],
  ['a custom object not Ready', an('x.io/v1', 'Thing', { status: { conditions: [is('Ready', 'False', '', 'why')] } }), 'InProgress', 'why'],
  ['a custom object Ready', an('x.io/v1', 'Thing', { status: { conditions: [is('Ready')] } }), 'Current'],
  [
    'a generation not observed',
    an('x.io/v1', 'Thing', { status: { observedGeneration: 0 } }),
    'InProgress',
    'Thing generation is 1, but latest observed generation is 0',
  ],
  ['a fresh Flux object', flux([], -1), 'InProgress'],
  ['a reconciling Flux object', flux([is('Reconciling', 'True', '', 'building'), is('Ready', 'Unknown')]), 'InProgress', 'building'],
  ['a stalled Flux object', flux([is('Stalled', 'True', '', 'bad URL'), is('Ready', 'False')]), 'Failed', 'bad URL'],
  ['a failing Flux object', flux([is('Ready', 'False', '', 'retrying')]), 'InProgress', 'retrying'],
  ['a Ready Flux object', flux([is('Ready')]), 'Current'],
  ['a Deployment without status', deployment({}), 'InProgress', 'Replicas: 0/2'],
  ['a Deployment being updated', deployment({ ...rolledOut, updatedReplicas: 1 }), 'InProgress', 'Updated: 1/2'],
  ['a Deployment with old pods', deployment({ ...rolledOut, replicas: 3 }), 'InProgress', 'Pending termination: 1'],
  ['a Deployment not available', deployment({ ...rolledOut, availableReplicas: 1 }), 'InProgress', 'Available: 1/2'],
  ['a Deployment not ready', deployment({ ...rolledOut, readyReplicas: 1 }), 'InProgress', 'Ready: 1/2'],
  [
    'a Deployment whose replica set is not done',
    deployment({ ...rolledOut, conditions: [is('Available')] }),
    'InProgress',
    'ReplicaSet not Available',
  ],
  ['a Deployment rolled out', deployment({ ...rolledOut, conditions: done }), 'Current'],
  ['a Deployment of none', deployment({ observedGeneration: 1, conditions: done }, { replicas: 0 }), 'Current'],
  [
    'a Deployment without deadline',
    deployment({ ...rolledOut, conditions: [is('Available')] }, { progressDeadlineSeconds: undefined }),
    'Current',
  ],
  [
    'a Deployment over its deadline',
    deployment({ conditions: [is('Progressing', 'False', 'ProgressDeadlineExceeded')] }),
    'Failed',
    'Progress deadline exceeded',
  ],
  ['a StatefulSet ready', set({}), 'Current'],
  ['a StatefulSet not ready', set({ readyReplicas: 1 }), 'InProgress', 'Ready: 1/2'],
  ['a StatefulSet between revisions', set({ currentRevision: 'a', updateRevision: 'b' }), 'InProgress'],
  [
    'a StatefulSet updated to its partition',
    set({ updatedReplicas: 1, currentRevision: 'a', updateRevision: 'b' }, { updateStrategy: { rollingUpdate: { partition: 1 } } }),
    'Current',
  ],
  ['a StatefulSet updated by hand', set({ readyReplicas: 0 }, { updateStrategy: { type: 'OnDelete' } }), 'Current'],
  ['a DaemonSet ready', daemons({}), 'Current'],
  ['a DaemonSet being updated', daemons({ updatedNumberScheduled: 1 }), 'InProgress', 'Updated: 1/2'],
  ['a DaemonSet not seen yet', daemons({ observedGeneration: undefined }), 'InProgress'],
  [
    'a ReplicaSet ready',
    an('apps/v1', 'ReplicaSet', {
      spec: { replicas: 1 },
      status: { replicas: 1, fullyLabeledReplicas: 1, availableReplicas: 1, readyReplicas: 1 },
    }),
    'Current',
  ],
  ['a ReplicaSet short of pods', an('apps/v1', 'ReplicaSet', { spec: { replicas: 1 } }), 'InProgress', 'Labelled: 0/1'],
  ['a Pod that is done', pod('Succeeded'), 'Current'],
  ['a Pod that failed', pod('Failed'), 'Failed'],
  ['a Pod that is ready', pod('Running', { conditions: [is('Ready')] }), 'Current'],
  [
    'a Pod that crashes',
    pod('Running', { containerStatuses: [{ name: 'a', state: { waiting: { reason: 'CrashLoopBackOff' } } }] }),
    'Failed',
    'Containers in CrashLoop state: a',
  ],
  [
    'a Pod without a node for a minute',
    pod('Pending', { conditions: [is('PodScheduled', 'False', 'Unschedulable')] }),
    'Failed',
    'Pod could not be scheduled',
  ],
  ['a Pod that is pending', pod('Pending'), 'InProgress'],
  ['a Job not started', job({}), 'InProgress', 'Job not started'],
  ['a Job running', job({ startTime: 'x' }), 'InProgress', 'Job in progress'],
  ['a Job complete', job({ startTime: 'x', conditions: [is('Complete')] }), 'Current'],
  ['a Job failed', job({ startTime: 'x', failed: 1, conditions: [is('Failed')] }), 'Failed', 'Job Failed. failed: 1/3'],
  ['a CronJob', an('batch/v1', 'CronJob'), 'Current'],
  ['a Service', an('v1', 'Service', { spec: { type: 'ClusterIP' } }), 'Current'],
  ['a load balancer without address', an('v1', 'Service', { spec: { type: 'LoadBalancer' } }), 'InProgress'],
  ['a claim that is bound', an('v1', 'PersistentVolumeClaim', { status: { phase: 'Bound' } }), 'Current'],
  ['a claim that is pending', an('v1', 'PersistentVolumeClaim', { status: { phase: 'Pending' } }), 'InProgress'],
  ['a disruption budget', an('policy/v1', 'PodDisruptionBudget', { status: { observedGeneration: 1 } }), 'Current'],
  ['a definition being installed', crd(is('Established', 'False', 'Installing')), 'InProgress'],
  ['a definition that is served', crd(is('NamesAccepted'), is('Established')), 'Current'],
  ['a definition whose names are taken', crd(is('NamesAccepted', 'False', 'x', 'taken')), 'Failed', 'taken'],
])('%s', (_name, object, status, message) => {
  const health = computeHealth(object, now)
  expect(health.status).toBe(status)
  if (message !== undefined) expect(health.message).toBe(message)
})

const of = (...statuses: HealthStatus[]) =>
  statuses.map((status, i) => ({
    ref: { group: '', kind: 'Pod', namespace: 'ns', name: `p${i}` },
    health: { status, message: status === 'Current' ? '' : 'why' },
  }))

test('a wait is over when all are current or one has failed', () => {
  expect(verdict(of('Current', 'Current'))).toEqual({ kind: 'healthy' })
  expect(verdict(of('Current', 'InProgress', 'NotFound'))).toBeUndefined()
  expect(verdict(of('InProgress', 'Failed'))).toMatchObject({ kind: 'failed', objects: [{ ref: { name: 'p1' } }] })
  expect(describeUnhealthy(of('InProgress', 'NotFound'))).toBe("[Pod/ns/p0 status: 'InProgress': why, Pod/ns/p1 status: 'NotFound': why]")
})

test.each<[string, HealthStatus[], unknown]>([
  ['nothing is current', [], { health: 'Current', message: '' }],
  ['all that are current are', ['Current', 'Current'], { health: 'Current', message: '' }],
  ['one that failed fails all, wherever it stands', ['InProgress', 'Failed'], { health: 'Failed', message: 'Pod/ns/p1 is Failed: why' }],
  [
    'the first that is late is named',
    ['Current', 'Unknown', 'Terminating', 'InProgress'],
    { health: 'InProgress', message: 'Pod/ns/p2 is Terminating: why' },
  ],
  ['one that is gone is late', ['NotFound'], { health: 'InProgress', message: 'Pod/ns/p0 is NotFound: why' }],
  ['what was not seen is not known', ['Current', 'Unknown'], undefined],
])('together: %s', (_name, statuses, expected) => {
  expect(together(of(...statuses))).toEqual(expected)
})

test('kinds that are done once they are there are never late', () => {
  expect(canBeLate({ group: '', kind: 'ConfigMap' })).toBe(false)
  expect(canBeLate({ group: '', kind: 'ServiceAccount' })).toBe(false)
  expect(canBeLate({ group: 'networking.k8s.io', kind: 'Ingress' })).toBe(false)
  expect(canBeLate({ group: 'apps', kind: 'Deployment' })).toBe(true)
  expect(canBeLate({ group: 'example.com', kind: 'Thing' })).toBe(true)
})
