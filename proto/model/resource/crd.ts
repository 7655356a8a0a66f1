import type { Manifest } from '../manifest.ts'
import { apiVersionOfKind, type ResourceKind } from './kind.ts'
import { type StructuralSchema, structuralSchema } from './structural.ts'

/** The schema of whole objects of the kind, as a CRD and OpenAPI carry it. */
export function objectSchema(kind: ResourceKind): StructuralSchema {
  const status = kind.status && { ...structuralSchema(kind.status), description: `What was seen of the ${kind.kind}.` }
  return {
    type: 'object',
    description: kind.description,
    properties: {
      apiVersion: { type: 'string', description: `Version of the schema: ${apiVersionOfKind(kind)}.` },
      kind: { type: 'string', description: `Kind of the object: ${kind.kind}.` },
      metadata: { type: 'object' },
      spec: { ...structuralSchema(kind.spec), description: `What the ${kind.kind} should be.` },
      ...(status ? { status: kind.freshStatus ? { ...status, default: kind.freshStatus } : status } : {}),
    },
  }
}

/** The CustomResourceDefinition of the kind. */
export function crd(kind: ResourceKind): Manifest {
  return {
    apiVersion: 'apiextensions.k8s.io/v1',
    kind: 'CustomResourceDefinition',
    metadata: {
      // Schemas contain `${…}` in descriptions of others' CRDs; substituting in them corrupts them.
      annotations: { 'kustomize.toolkit.fluxcd.io/substitute': 'disabled' },
      name: `${kind.plural}.${kind.group}`,
    },
    spec: {
      group: kind.group,
      names: {
        ...(kind.categories.length > 0 ? { categories: kind.categories } : {}),
        kind: kind.kind,
        listKind: `${kind.kind}List`,
        plural: kind.plural,
        ...(kind.shortNames.length > 0 ? { shortNames: kind.shortNames } : {}),
        singular: kind.kind.toLowerCase(),
      },
      scope: kind.namespaced ? 'Namespaced' : 'Cluster',
      versions: [
        {
          additionalPrinterColumns: kind.columns,
          name: kind.version,
          schema: { openAPIV3Schema: objectSchema(kind) },
          served: true,
          storage: true,
          ...(kind.status ? { subresources: { status: {} } } : {}),
        },
      ],
    },
  }
}
