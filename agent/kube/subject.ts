import { FleetError } from '../../proto/base/errors.ts'
import { type Brand, isDnsLabel, isDnsSubdomain } from '../../proto/model/ids.ts'

/** The user name of a ServiceAccount, `system:serviceaccount:<namespace>:<name>`: the only identity the agent lends. */
export type Subject = Brand<'Subject'>

/** The subject of a ServiceAccount; an empty or malformed namespace or name is a refusal, never the agent's own rights. */
export function serviceAccount(namespace: string, name: string): Subject {
  if (!isDnsLabel(namespace) || !isDnsSubdomain(name))
    throw new FleetError(
      'forbidden',
      `act as ServiceAccount ${JSON.stringify(`${namespace}/${name}`)}: that names no account; set spec.serviceAccountName or the namespace's default account`,
    )
  return `system:serviceaccount:${namespace}:${name}` as Subject
}
