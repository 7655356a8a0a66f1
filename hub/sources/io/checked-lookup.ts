import { type LookupAddress, type LookupOptions, lookup } from 'node:dns'
import { type AddressPolicy, refusedAddress, refusedHost, unlistedHost } from '../addresses.ts'
import { FetchFailure } from './failure.ts'

type Found = (error: Error | null, address: string | LookupAddress[], family?: number) => void

/** Throws where the host itself, name or address, is refused, or the tenant's list leaves it out. */
export function checkHost(host: string, port: number, policy: AddressPolicy): void {
  const unlisted = unlistedHost(host, port, policy)
  if (unlisted) throw new FetchFailure('unlisted', unlisted)
  const refused = refusedHost(host, policy)
  if (refused) throw new FetchFailure('address', refused)
}

/**
 * `dns.lookup` for a connection that is about to be made, which fails where the name leads to a refused address: what
 * is checked is what is connected to, so a name that changes its answer gains nothing.
 */
export function checkedLookup(policy: AddressPolicy): (host: string, options: LookupOptions, found: Found) => void {
  return (host, options, found) => {
    lookup(host, { ...options, all: true }, (error, addresses) => {
      if (error) return found(error, [])
      for (const { address } of addresses) {
        const refused = refusedAddress(address, policy, host)
        if (refused) return found(new FetchFailure('address', refused), [])
      }
      const first = addresses[0]
      if (options.all) found(null, addresses)
      else if (first) found(null, first.address, first.family)
      else found(new FetchFailure('network', `${host} has no address`), [])
    })
  }
}
