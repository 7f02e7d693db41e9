import { LRUCache } from 'lru-cache'
import { ok } from '../../domain/failure.ts'
import { toStoredId } from '../../domain/id.ts'
import { parseSealedHash, parseStoredSecret } from '../../domain/imported-hash.ts'
import { getKeyTypeTraits } from '../../domain/key-type.ts'
import type { ManagementDeps, ManagementStorage } from '../account-scope.ts'
import { createAuditEvent } from '../audit/audit-event.ts'
import { openText, type Sealer } from '../ports/crypto.ts'
import type { ExportedKey } from '../ports/imports.ts'
import { failNotFound, type ServiceResult } from '../service-result.ts'
import type { ImportCells } from './import-row.ts'

const KEYS_PER_READ = 200
const MAX_CACHED_NAMES = 10_000

export interface ExportDeps extends ManagementDeps {
  /** The only account that the actor can access; null for all. */
  readonly actorAccountId: string | null
  readonly sealer: Sealer
}

export interface ExportInput {
  readonly accountId?: string | undefined
  /** Adds the secrets that may be viewed, and the hashes that another server can check. */
  readonly withSecrets: boolean
}

/** Exports keys as rows that an import reads. The audit records each export before its first row. */
export async function exportKeys(
  deps: ExportDeps,
  input: ExportInput,
): Promise<ServiceResult<AsyncGenerator<ImportCells>>> {
  const { storage, actorAccountId } = deps
  const accountId = toStoredId(input.accountId ?? '') || undefined
  if (accountId !== undefined && (await storage.findAccount(accountId)) === null) {
    return failNotFound(`there is no account ${accountId}`)
  }
  const subject = accountId ?? actorAccountId ?? 'keys'
  const facts = { secrets: input.withSecrets }
  await storage.addEvent(createAuditEvent(deps, 'keys.exported', subject, facts))
  return ok(readExportedRows(deps, { ...input, accountId }))
}

async function* readExportedRows(
  deps: ExportDeps,
  { accountId, withSecrets }: ExportInput,
): AsyncGenerator<ImportCells> {
  const { storage } = deps
  const nameResource = createResourceNamer(storage)
  for (let after: string | undefined; ; ) {
    const keys = await storage.listExportedKeys({ accountId, after, limit: KEYS_PER_READ })
    for (const key of keys) {
      const secrets = withSecrets ? await readSecrets(deps, key) : {}
      yield { ...(await toCells(key, nameResource)), ...secrets }
    }
    after = keys.at(-1)?.id
    if (after === undefined) return
  }
}

type NameResource = ReturnType<typeof createResourceNamer>

/** Returns the name of a resource, or its id if the account has several with that name. */
function createResourceNamer(storage: ManagementStorage) {
  const names = new LRUCache<string, string>({ max: MAX_CACHED_NAMES })
  const finders = {
    source: storage.findSource,
    site: storage.findSite,
    developer: storage.findDeveloper,
    account: storage.findAccount,
  }
  return async (
    kind: keyof typeof finders,
    id: string | null,
    accountId: string,
  ): Promise<string> => {
    if (id === null) return ''
    const cached = names.get(kind + id)
    if (cached !== undefined) return cached
    const { name = id } = (await finders[kind](id)) ?? {}
    const filter = kind === 'account' ? {} : { accountId }
    const isOnlyOne = (await storage.findIdsByName({ kind, name, ...filter })).length === 1
    const shown = isOnlyOne ? name : id
    names.set(kind + id, shown)
    return shown
  }
}

async function toCells(key: ExportedKey, nameResource: NameResource): Promise<ImportCells> {
  const { accountId, oauthClient } = key
  const { lastRefusal: _, ...clientSettings } = oauthClient ?? { lastRefusal: null }
  return {
    type: key.keyType,
    public_id: key.publicId,
    owner: key.ownerEmail,
    account: await nameResource('account', accountId, accountId),
    source: await nameResource('source', key.sourceId, accountId),
    site: await nameResource('site', key.siteId, accountId),
    developer: await nameResource('developer', key.developerId, accountId),
    name: key.name,
    description: key.description,
    reference: key.reference,
    status: key.status,
    disabled_by: key.status === 'disabled' ? (key.disabledBy ?? '') : '',
    access: key.access,
    created: formatInstant(key.createdAt),
    expires: formatInstant(key.expiresAt),
    last_used: formatInstant(key.lastUsedAt),
    start: key.secretStart ?? '',
    oauth_client: oauthClient === null ? '' : JSON.stringify(clientSettings),
  }
}

const formatInstant = (at: number | null): string => (at === null ? '' : new Date(at).toISOString())

/**
 * Reads what another server can check or show. A keyed digest is of use only with this server's key ring, so that
 * nothing is left of a secret that is presented at each request.
 */
async function readSecrets({ sealer }: ExportDeps, key: ExportedKey): Promise<ImportCells> {
  const { id, keyType, secretHash, sealedSecret, pepperName } = key
  if (sealedSecret !== null) return { secret: await openText(sealer, sealedSecret, id) }
  const sealedHash = parseSealedHash(secretHash ?? '')
  if (sealedHash !== null) {
    const imported = parseStoredSecret(await openText(sealer, sealedHash, id))
    if (imported === null) return {}
    const { form, hash, salt } = imported
    return { form, hash, salt: salt ?? '', pepper: pepperName ?? '' }
  }
  return secretHash !== null && getKeyTypeTraits(keyType).secret === 'exchanged'
    ? { form: 'argon2', hash: secretHash }
    : {}
}
