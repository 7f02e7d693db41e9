import { sql } from 'kysely'
import type { DestinationSummary } from '../service/ports/routing.ts'
import type { ResourceStorage } from '../service/ports/storage.ts'
import type { AuditedChanges } from './audited-changes.ts'
import type { Arg, TableStatements } from './statements.ts'
import type { Tables } from './tables.ts'

type DestinationMethods = Pick<
  ResourceStorage,
  | 'addDestination'
  | 'setDestinationUrl'
  | 'setDestinationVerified'
  | 'verifyDestination'
  | 'setVerificationToken'
  | 'findSealedVerificationToken'
  | 'listDestinations'
  | 'findDestination'
>

export function createDestinationStorage(
  rows: TableStatements,
  audit: AuditedChanges,
): DestinationMethods {
  const readDestinationPage = rows.page('destinations', 'account_id', toDestination)
  const addDestination = rows.insertUnlessTaken('destinations')
  const setVerified = audit.createUpdate('destinations', ['verified_at'])
  const setUrl = audit.createUpdate('destinations', ['url', 'verified_at'])
  // In SQL, a token that is null on both sides would equal nothing.
  const verify = audit.createUpdate(
    'destinations',
    ['verified_at'],
    (arg: Arg<{ url: string; token: string }>) => sql`
      url = ${arg('url')} and coalesce(verification_token, '') = ${arg('token')}`,
  )
  const setToken = audit.createUpdate('destinations', [
    'verification_token',
    'verification_method',
    'verified_at',
  ])

  return {
    addDestination: (destination, event) =>
      audit.applyChange(
        'destinations',
        addDestination({
          id: destination.id,
          account_id: destination.accountId,
          name: destination.name,
          url: destination.url,
          development: destination.development ? 1 : 0,
          verified_at: destination.verifiedAt,
          created_at: destination.createdAt,
          event_id: event.id,
          verification_token: destination.sealedToken,
          verification_method: destination.method,
        }),
        event,
      ),

    setDestinationUrl: (id, url, event) => setUrl({ id, url, verified_at: null }, event),

    setDestinationVerified: (id, at, event) => setVerified({ id, verified_at: at }, event),

    verifyDestination: (id, { url, sealedToken }, at, event) =>
      verify({ id, url, token: sealedToken ?? '', verified_at: at }, event),

    setVerificationToken: (id, sealedToken, method, event) =>
      setToken(
        {
          id,
          verification_token: sealedToken,
          verification_method: method,
          verified_at: null,
        },
        event,
      ),

    findSealedVerificationToken: rows.findById('destinations', (row) => row.verification_token),
    listDestinations: ({ accountId, ...page }) => readDestinationPage(accountId, page),
    findDestination: rows.findById('destinations', toDestination),
  }
}

const toDestination = (row: Tables['destinations']): DestinationSummary => ({
  id: row.id,
  accountId: row.account_id,
  name: row.name,
  url: row.url,
  development: row.development === 1,
  verifiedAt: row.verified_at,
  method: row.verification_method,
  hasToken: row.verification_token !== null,
  createdAt: row.created_at,
})
