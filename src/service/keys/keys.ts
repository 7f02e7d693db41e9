import type { CredentialParts } from '../../domain/credential-format.ts'
import { ok } from '../../domain/failure.ts'
import type { DisablingParty } from '../../domain/key.ts'
import { getKeyTypeTraits, type KeyType } from '../../domain/key-type.ts'
import type { Services } from '../actor-services.ts'
import { createAuditEvent } from '../audit/audit-event.ts'
import type { KeyFilter, KeySummary } from '../ports/keys.ts'
import type { KeyCriteria, KeySearch, Page } from '../ports/lists.ts'
import { failConflict, failNotFound, type ServiceResult } from '../service-result.ts'
import { createKey } from './create-key.ts'
import { type EditKeyInput, editKey } from './edit-key.ts'
import { type CreatedKey, type CreateKeyInput, failKeyRevoked, findKey } from './input.ts'
import { requireGrantable } from './oauth-client.ts'
import { type KeysDeps, type RotateSecretInput, rotateKeySecret, viewKeySecret } from './secrets.ts'

/** Manages keys of all types on behalf of an actor. */
export function createKeys(deps: KeysDeps) {
  const { storage } = deps
  const find = (id: string) => findKey(storage, id)

  return {
    create: <Type extends KeyType>(input: CreateKeyInput & { readonly keyType: Type }) =>
      createKey(deps, input) as Promise<ServiceResult<CreatedKey<Type>>>,
    edit: (id: string, input: EditKeyInput) => editKey(deps, id, input),
    viewSecret: (id: string) => viewKeySecret(deps, id),
    rotateSecret: (id: string, input: RotateSecretInput) => rotateKeySecret(deps, id, input),

    find,
    list: (page: Page & KeyFilter) => storage.listKeys(page),
    /** Searches keys, with the names of the resources that they belong to. */
    search: (search: KeySearch) => storage.searchKeys(search),
    /** Counts the matching keys, up to `maxCount`. */
    count: (criteria: KeyCriteria, maxCount: number) => storage.countKeys(criteria, maxCount),
    /** Lists the daily uses of keys, by row id, from this day (since 1970) on, the oldest first. */
    listDailyUsesByKey: (keyIds: readonly string[], fromDay: number) =>
      storage.listDailyUsesByKey({ keyIds, fromDay }),
    /**
     * Lists the daily uses of a key, by row id or public id, from this day (since 1970) on, the oldest
     * first.
     */
    async listDailyUses(
      id: string,
      fromDay: number,
    ): Promise<ServiceResult<{ day: number; uses: number }[]>> {
      const key = await find(id)
      return key.ok ? ok(await storage.listKeyUses(key.value.id, fromDay)) : key
    },

    /** Undoes a disable of the same party. */
    async enable(id: string, by: DisablingParty = 'operator'): Promise<ServiceResult<KeySummary>> {
      const key = await find(id)
      if (!key.ok || key.value.status === 'enabled') return key
      const isGranted = requireGrantable(deps, key.value.oauthClient?.scopes ?? [])
      if (!isGranted.ok) return isGranted
      const event = createAuditEvent(deps, 'key.enabled', key.value.id, { by })
      if (await storage.enableKey(key.value.id, by, event)) return find(key.value.id)
      const current = await find(id)
      return current.ok && current.value.status === 'disabled'
        ? failDisabledByOther(current.value)
        : failIfRevoked(current)
    },

    async disable(id: string, by: DisablingParty = 'operator'): Promise<ServiceResult<KeySummary>> {
      const key = await find(id)
      if (!key.ok) return key
      const { keyType } = key.value
      if (!hasParty(keyType, by)) {
        return failConflict(
          `keys of this type (${keyType}) have no ${by} to disable them: leave out the party`,
        )
      }
      const event = createAuditEvent(deps, 'key.disabled', key.value.id, { by })
      if (await storage.disableKey(key.value.id, by, event)) return find(key.value.id)
      const current = await find(id)
      return current.ok && current.value.disabledBy !== null && current.value.disabledBy !== by
        ? failDisabledByOther(current.value)
        : failIfRevoked(current)
    },

    /** Revokes the key permanently. It stays listed. */
    async revoke(id: string): Promise<ServiceResult<KeySummary>> {
      const key = await find(id)
      if (!key.ok) return key
      const event = createAuditEvent(deps, 'key.revoked', key.value.id)
      const changed = await storage.revokeKey(key.value.id, event)
      return changed ? find(key.value.id) : failIfRevoked(await find(id))
    },

    /** Deletes the key, if its type allows that. The audit event keeps its type, public id and name. */
    async delete(id: string): Promise<ServiceResult<void>> {
      const key = await find(id)
      if (!key.ok) return key
      const { keyType, publicId, name } = key.value
      if (!getKeyTypeTraits(keyType).deletable) {
        return failConflict(
          `keys of this type (${keyType}) cannot be deleted: revoke the key instead`,
        )
      }
      const event = createAuditEvent(deps, 'key.deleted', key.value.id, { keyType, publicId, name })
      const removed = await storage.deleteKey(key.value.id, event)
      return removed ? ok(undefined) : failNotFound(`there is no key ${id}`)
    },

    /** Assigns the key to a site; null unassigns it. */
    async assign(id: string, siteId: string | null): Promise<ServiceResult<KeySummary>> {
      const key = await find(id)
      if (!key.ok) return key
      if (key.value.keyType !== 'opendental') {
        return failConflict(`keys of this type (${key.value.keyType}) cannot be assigned`)
      }
      if (siteId !== null && (await storage.findSite(siteId)) === null) {
        return failNotFound(`there is no site ${siteId}`)
      }
      const action = siteId === null ? 'key.unassigned' : 'key.assigned'
      const event = createAuditEvent(deps, action, key.value.id, siteId === null ? {} : { siteId })
      const assignment = siteId === null ? null : { siteId, at: event.at }
      const changed = await storage.assignKey(key.value.id, assignment, event)
      return changed ? find(key.value.id) : failKeyRevoked(key.value)
    },
  }
}

export type Keys = ReturnType<typeof createKeys>

/** True if the party can disable keys of this type. */
const hasParty = (keyType: KeyType, by: DisablingParty): boolean =>
  by === 'operator' ||
  keyType === 'opendental' ||
  (by === 'developer' && getKeyTypeTraits(keyType).belongsTo === 'developer')

/** The key is already in the requested state, unless it is revoked. */
const failIfRevoked = (key: ServiceResult<KeySummary>): ServiceResult<KeySummary> =>
  key.ok && key.value.status === 'revoked' ? failKeyRevoked(key.value) : key

const PARTY_TEXTS: Readonly<Record<DisablingParty, string>> = {
  developer: 'its developer',
  customer: 'its customer',
  operator: 'the operator',
}

const failDisabledByOther = (key: KeySummary) =>
  failConflict(
    `key ${key.publicId} was disabled by ${PARTY_TEXTS[key.disabledBy ?? 'operator']}: only they can enable it`,
  )

/** Finds the parts of a credential other than its secret. */
export async function findCredentialParts(
  {
    developers,
    users,
  }: { developers: Pick<Services['developers'], 'find'>; users: Pick<Services['users'], 'find'> },
  { publicId, keyType, developerId, ownerId, oauthClient }: KeySummary,
): Promise<Omit<CredentialParts, 'secret'>> {
  const developer = developerId === null ? null : await developers.find(developerId)
  const owner = keyType === 'practice' ? await users.find(ownerId) : null
  return {
    publicId,
    authenticationMethod: oauthClient?.authenticationMethod ?? null,
    developerKey: developer?.ok ? developer.value.developerKey : '',
    username: owner?.ok ? (owner.value.username ?? '') : '',
  }
}
