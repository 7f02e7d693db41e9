import type { Facts } from '../../../service/ports.ts'

export interface Remedy {
  readonly href: string
  readonly text: string
}

/** Where in the console somebody does what would help; null where nothing here does. */
export function remedyOf({ reason, keyId, destinationId }: Facts): Remedy | null {
  switch (reason) {
    case 'key_unknown':
      return { href: '/console/keys', text: 'Look through the keys' }
    case 'secret_wrong':
    case 'key_disabled':
    case 'key_unassigned':
    case 'refresh_reused':
    case 'permission_missing':
      return { href: `/console/keys/${keyId}`, text: 'To the key' }
    case 'key_revoked':
    case 'key_expired':
      return { href: '/console/keys/new', text: 'Create another key' }
    case 'address_refused':
      return { href: '/console/addresses', text: 'To the addresses' }
    case 'account_closed':
      return { href: '/console/accounts', text: 'To the accounts' }
    case 'destination_not_subscribed':
      return { href: '/console/feeds', text: 'To the feeds' }
    case 'destination_unverified':
    case 'destination_failed':
    case 'destination_timed_out':
      return { href: `/console/destinations/${destinationId}`, text: 'To the destination' }
    default:
      return null
  }
}
