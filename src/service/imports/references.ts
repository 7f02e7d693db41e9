import { LRUCache } from 'lru-cache'
import { ok } from '../../domain/failure.ts'
import { toStoredId } from '../../domain/id.ts'
import type { ManagementStorage } from '../account-scope.ts'
import type { NamedKind } from '../ports/imports.ts'
import { failInvalid, failNotFound, type ServiceResult } from '../service-result.ts'
import { quote } from './import-row.ts'

/** Finds the id of a row that a file names by its id or its name; null if the cell is empty. */
export type FindReference = (
  kind: NamedKind,
  name: string | null,
  accountId: string | null,
) => Promise<ServiceResult<string | null>>

/** A file names few owners, each often. Statements check them again when a key is added. */
const MAX_CACHED_REFERENCES = 10_000

/** `importAccountId`: the account of rows that name none; null if each row must name one. */
export function createFindReference(
  storage: ManagementStorage,
  importAccountId: string | null,
): FindReference {
  const cache = new LRUCache<string, ServiceResult<string | null>>({ max: MAX_CACHED_REFERENCES })
  const rowsById = {
    account: storage.findAccount,
    user: async () => null,
    source: storage.findSource,
    site: storage.findSite,
    developer: storage.findDeveloper,
  } as const satisfies Record<NamedKind, (id: string) => Promise<{ id: string } | null>>

  async function find(
    kind: NamedKind,
    name: string,
    accountId: string | null,
  ): Promise<ServiceResult<string>> {
    const row = await rowsById[kind](toStoredId(name))
    if (row !== null) return ok(row.id)
    const filter = kind === 'account' ? {} : { accountId: accountId ?? undefined }
    const [id, another] = await storage.findIdsByName({ kind, name, ...filter })
    if (id === undefined) return failNotFound(`there is no ${kind} ${quote(name)}`)
    return another === undefined
      ? ok(id)
      : failInvalid(`several ${kind}s have the name ${quote(name)}: use the id`)
  }

  return async (kind, name, accountId) => {
    if (name === null) {
      if (kind !== 'account') return ok(null)
      return importAccountId === null
        ? failInvalid('account is missing: add the column, or import into one account')
        : ok(importAccountId)
    }
    const cacheKey = `${kind}\0${accountId}\0${name}`
    const cached = cache.get(cacheKey)
    if (cached !== undefined) return cached
    const found = await find(kind, name, accountId)
    const result =
      found.ok && kind === 'account' && importAccountId !== null && found.value !== importAccountId
        ? failInvalid(
            `the import is for another account: import the rows of ${quote(name)} on their own`,
          )
        : found
    cache.set(cacheKey, result)
    return result
  }
}
