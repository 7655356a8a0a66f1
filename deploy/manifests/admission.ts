import { FLUX_KINDS } from '../../proto/model/flux/kinds.ts'
import { AGENT_IDENTITY, IMPERSONATE_ROLE, serviceAccountUser } from '../../proto/model/identities.ts'
import type { Manifest } from '../../proto/model/manifest.ts'
import { FINALIZER, TENANT_LABEL } from '../../proto/model/names.ts'

/** What RBAC cannot say of the agent's own identity; requests under an impersonated one are not its own and pass. */
export function agentAdmission(): readonly Manifest[] {
  return [fluxObjects(), tenantObjects(), tenantNamespaces()].flatMap(policyAndBinding)
}

interface Policy {
  readonly name: string
  readonly resources: readonly { readonly group: string; readonly resources: readonly string[] }[]
  readonly operations: readonly ('CREATE' | 'UPDATE' | 'DELETE')[]
  readonly validations: readonly { readonly expression: string; readonly message: string }[]
}

/** On Flux objects the agent changes nothing but its own finalizer; their status is a subresource and not matched. */
function fluxObjects(): Policy {
  const same = (path: string, empty: string) => `object.${path}.orValue(${empty}) == oldObject.${path}.orValue(${empty})`
  const others = (whose: string) => `${whose}.metadata.?finalizers.orValue([]).filter(f, f != '${FINALIZER}')`
  return {
    name: 'flotilla-agent-flux-objects',
    resources: [...Map.groupBy(FLUX_KINDS, ({ group }) => group)].map(([group, kinds]) => ({
      group,
      resources: kinds.map(({ plural }) => plural),
    })),
    operations: ['CREATE', 'UPDATE', 'DELETE'],
    validations: [
      {
        expression: [
          "request.operation == 'UPDATE'",
          same('?spec', '{}'),
          same('metadata.?labels', '{}'),
          same('metadata.?annotations', '{}'),
          same('metadata.?ownerReferences', '[]'),
          `${others('object')} == ${others('oldObject')}`,
        ].join(' && '),
        message: `the agent itself may change nothing of a Flux object but its status and the finalizer ${FINALIZER}`,
      },
    ],
  }
}

/** The agent makes ServiceAccounts and RoleBindings only for tenants, and gives rights in a namespace only to that namespace. */
function tenantObjects(): Policy {
  const toTheNamespace = "s.kind == 'ServiceAccount' && s.?namespace.orValue('') == request.namespace"
  const toItself = `s.kind == 'ServiceAccount' && s.?namespace.orValue('') == '${AGENT_IDENTITY.namespace}' && s.name == '${AGENT_IDENTITY.name}'`
  return {
    name: 'flotilla-agent-tenant-objects',
    resources: [
      { group: 'rbac.authorization.k8s.io', resources: ['rolebindings'] },
      { group: '', resources: ['serviceaccounts'] },
    ],
    operations: ['CREATE', 'UPDATE', 'DELETE'],
    validations: [
      {
        expression: `'${TENANT_LABEL}' in namespaceObject.metadata.?labels.orValue({})`,
        message: `the agent itself may make ServiceAccounts and RoleBindings only in namespaces with the label ${TENANT_LABEL}`,
      },
      {
        expression: `request.operation == 'DELETE' || request.resource.resource != 'rolebindings' || object.?subjects.orValue([]).all(s, object.roleRef.name == '${IMPERSONATE_ROLE}' ? ${toItself} : ${toTheNamespace})`,
        message: `the agent itself may bind ${IMPERSONATE_ROLE} only to itself, and other roles only to ServiceAccounts of the same namespace`,
      },
    ],
  }
}

/** The agent makes namespaces only for tenants, and changes none: the label is set when a namespace is created, or by somebody else. */
function tenantNamespaces(): Policy {
  return {
    name: 'flotilla-agent-tenant-namespaces',
    resources: [{ group: '', resources: ['namespaces'] }],
    operations: ['CREATE', 'UPDATE', 'DELETE'],
    validations: [
      {
        expression: `request.operation == 'CREATE' && '${TENANT_LABEL}' in object.metadata.?labels.orValue({})`,
        message: `the agent itself may only create namespaces, each with the label ${TENANT_LABEL}`,
      },
    ],
  }
}

function policyAndBinding({ name, resources, operations, validations }: Policy): readonly Manifest[] {
  const apiVersion = 'admissionregistration.k8s.io/v1'
  const resourceRules = resources.map(({ group, resources: names }) => ({
    apiGroups: [group],
    apiVersions: ['*'],
    operations,
    resources: names,
  }))
  const itself = `request.userInfo.username == '${serviceAccountUser(AGENT_IDENTITY)}'`
  return [
    {
      apiVersion,
      kind: 'ValidatingAdmissionPolicy',
      metadata: { name },
      spec: {
        failurePolicy: 'Fail',
        matchConditions: [{ expression: itself, name: 'the-agent-itself' }],
        matchConstraints: { resourceRules },
        validations: validations.map((validation) => ({ ...validation, reason: 'Forbidden' })),
      },
    },
    {
      apiVersion,
      kind: 'ValidatingAdmissionPolicyBinding',
      metadata: { name },
      spec: { policyName: name, validationActions: ['Deny'] },
    },
  ]
}
