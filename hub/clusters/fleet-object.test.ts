import { expect, test } from 'vitest'
import { withFacts } from './fleet-object.ts'

const greeting = (facts: Readonly<Record<string, string>>, capabilities = ['placements']) => ({
  agentVersion: '1.0.0',
  capabilities,
  facts,
})

test('what an agent has not read yet when it greets stays as it was said before: selectors read it', () => {
  const before = withFacts({}, greeting({ kubernetesVersion: 'v1.35.2', nodes: '3', mode: 'observing' }, ['placements', 'health']))
  expect(before.facts).toMatchObject({ kubernetesVersion: 'v1.35.2', kubernetesMinor: 35, nodes: 3, mode: 'observing' })
  expect(withFacts(before, greeting({ mode: 'active' })).facts).toEqual({
    agentVersion: '1.0.0',
    capabilities: ['placements'],
    ...{ kubernetesVersion: 'v1.35.2', kubernetesMinor: 35, nodes: 3, mode: 'active' },
  })
  expect(withFacts(before, greeting({ kubernetesVersion: 'v1.36.0' })).facts).toMatchObject({ kubernetesMinor: 36, nodes: 3 })
})

test('what an agent says of its cluster later leaves what it said of itself', () => {
  const before = withFacts({}, greeting({ kubernetesVersion: 'v1.35.2', mode: 'observing' }))
  expect(withFacts(before, { facts: { kubernetesVersion: 'v1.36.1', mode: 'active' } }).facts).toEqual({
    agentVersion: '1.0.0',
    capabilities: ['placements'],
    ...{ kubernetesVersion: 'v1.36.1', kubernetesMinor: 36, mode: 'active' },
  })
})
