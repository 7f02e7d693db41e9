import { ok } from '../../domain/failure.ts'
import type { ManagementDeps } from '../account-scope.ts'
import { createAuditEvent } from '../audit/audit-event.ts'
import { parseName } from '../input.ts'
import type { Sealer } from '../ports/crypto.ts'
import { failConflict, failInvalid, failNotFound, type ServiceResult } from '../service-result.ts'
import { quote } from './import-row.ts'

export interface PepperDeps extends ManagementDeps {
  readonly sealer: Sealer
}

export interface OpenedPepper {
  readonly id: string
  readonly bytes: Uint8Array
}

/** Finds the pepper that a row names. */
export type FindPepper = (accountId: string, name: string) => Promise<ServiceResult<OpenedPepper>>

const MAX_PEPPER_BYTES = 4096

/** Stores a pepper, sealed by the key ring. */
export async function addPepper(
  { storage, sealer, ...deps }: PepperDeps,
  { accountId, name, bytes }: { accountId: string; name: string; bytes: Uint8Array },
): Promise<ServiceResult<OpenedPepper>> {
  const parsedName = parseName('the name of the pepper', name)
  if (!parsedName.ok) return parsedName
  if (bytes.length === 0 || bytes.length > MAX_PEPPER_BYTES) {
    return failInvalid(`a pepper has 1 to ${MAX_PEPPER_BYTES} bytes`, 'pepper')
  }
  if ((await storage.findAccount(accountId)) === null) {
    return failNotFound(`there is no account ${accountId}`)
  }
  const id = deps.random.uuid()
  const event = createAuditEvent(deps, 'pepper.added', id, { name: parsedName.value })
  const sealedPepper = await sealer.seal(bytes, id)
  const pepper = { id, accountId, name: parsedName.value, sealedPepper, createdAt: event.at }
  return (await storage.addPepper(pepper, event))
    ? ok({ id, bytes })
    : failConflict(`the account has a pepper with the name ${quote(name)}: use another name`)
}

/**
 * Finds peppers of the file's rows: those that come with the import, which are stored when the first row needs
 * them, and stored ones. `isDryRun`: stores nothing.
 */
export function createFindPepper(
  deps: PepperDeps,
  supplied: ReadonlyMap<string, Uint8Array>,
  isDryRun: boolean,
): FindPepper {
  const { storage, sealer } = deps
  const found = new Map<string, ServiceResult<OpenedPepper>>()

  async function find(accountId: string, name: string): Promise<ServiceResult<OpenedPepper>> {
    const bytes = supplied.get(name)
    const stored = await storage.findPepper(accountId, name)
    if (stored === null) {
      if (bytes === undefined) return failNotFound(`there is no pepper ${quote(name)}`)
      return isDryRun ? ok({ id: name, bytes }) : addPepper(deps, { accountId, name, bytes })
    }
    const opened = await sealer.open(stored.sealedPepper, stored.id)
    const isOther = bytes !== undefined && !isEqual(bytes, opened)
    return isOther
      ? failConflict(
          `the account has another pepper with the name ${quote(name)}: use another name`,
        )
      : ok({ id: stored.id, bytes: opened })
  }

  return async (accountId, name) => {
    const cacheKey = `${accountId}\0${name}`
    const result = found.get(cacheKey) ?? (await find(accountId, name))
    if (result.ok) found.set(cacheKey, result)
    return result
  }
}

const isEqual = (a: Uint8Array, b: Uint8Array): boolean =>
  a.length === b.length && a.every((byte, n) => byte === b[n])
