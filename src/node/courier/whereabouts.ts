import { lookup } from 'node:dns/promises'
import { formatAddress, type Network, parseAddress } from '../../domain/address.ts'
import { fail, ok, type Result } from '../../domain/failure.ts'
import { mayReach } from '../../domain/reach.ts'
import type { Unanswered } from '../../service/ports.ts'

/** The addresses of a name, as this machine knows them. Rejects where it has none. */
export type Resolve = (name: string) => Promise<readonly string[]>

export const resolveHere: Resolve = async (name) =>
  (await lookup(name, { all: true })).map(({ address }) => address)

/**
 * Where a host is: the addresses that were judged, and no name to look up once more. A name that has
 * an address which may not be reached is not reached at any: who names it so means no good, or is
 * not set up yet.
 */
export async function whereaboutsOf(
  { hostname }: URL,
  allowed: readonly Network[],
  resolve: Resolve,
): Promise<Result<readonly string[], Unanswered>> {
  // A URL has already read every spelling of an address, such as 0x7f.1, as what it is.
  const literal = hostname.replace(/^\[|\]$/g, '')
  const found = parseAddress(literal) === null ? await resolve(hostname) : [literal]
  const addresses: string[] = []
  for (const text of found) {
    const address = parseAddress(text)
    if (address === null || !mayReach(address, allowed)) {
      const detail = `LATCHKEY_DESTINATIONS_ALLOWED does not allow the address of ${hostname}`
      return fail({ reason: 'forbidden', detail, address: text })
    }
    addresses.push(formatAddress(address))
  }
  return ok(addresses)
}
