import { DAY_MS, HOUR_MS } from '../../domain/instant.ts'
import type { AssertionStorage, RevokedTokenStorage } from '../ports/authority.ts'

/** Each write has few enough rows to delay no request. */
const ROWS_PER_PURGE = 1000

/** Deletes the used assertions and the revoked tokens that have ended, in batches. */
export async function purgeClientData(
  storage: Pick<AssertionStorage, 'purgeUsedAssertions'> &
    Pick<RevokedTokenStorage, 'purgeRevokedTokens'>,
  now: number,
): Promise<void> {
  // A server whose clock is behind still accepts the assertion.
  await purgeInBatches((limit) => storage.purgeUsedAssertions(now - HOUR_MS, limit))
  // A clock that takes local time for UTC must not make a revoked token valid again.
  await purgeInBatches((limit) => storage.purgeRevokedTokens(now - DAY_MS, limit))
}

async function purgeInBatches(purge: (limit: number) => Promise<number>): Promise<void> {
  let purged: number
  do {
    purged = await purge(ROWS_PER_PURGE)
  } while (purged === ROWS_PER_PURGE)
}
