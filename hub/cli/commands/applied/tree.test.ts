import { expect, test } from 'vitest'
import { lines } from './tree.ts'

test('a tree is drawn as flux draws it', () => {
  const leaf = (resource: string) => ({ resource, resources: [] })
  const tree = {
    resource: 'Kustomization/flux-system/apps',
    resources: [
      leaf('Namespace/shop'),
      { ...leaf('Kustomization/flux-system/shop'), resources: [leaf('Service/shop/web')] },
      leaf('ConfigMap/shop/a'),
    ],
  }
  expect(lines(tree)).toEqual([
    'Kustomization/flux-system/apps',
    '├── Namespace/shop',
    '├── Kustomization/flux-system/shop',
    '│   └── Service/shop/web',
    '└── ConfigMap/shop/a',
  ])
})
