import type { CredentialParts } from '../../domain/credential-format.ts'
import { ok } from '../../domain/failure.ts'
import type { DisablingParty } from '../../domain/key.ts'
import { getKeyTypeTraits, type KeyType } from '../../domain/key-type.ts'
import type { OAuthClientSettings } from '../../domain/oauth-client.ts'
import type { ManagementDeps } from '../account-scope.ts'
import type { Services } from '../actor-services.ts'
import type { KeyEdit, KeyFilter, KeySummary } from '../ports/keys.ts'
import type { KeyCriteria, KeySearch, Page } from '../ports/lists.ts'
import {
  createAuditEvent,
  failConflict,
  failInvalid,
  failNotFound,
  type ServiceResult,
} from '../service-result.ts'
import {
  failKeyRevoked,
  findKey,
  findKeyOwner,
  OWNER_WITHOUT_USERNAME,
  omitEmpty,
  parseAccessLevel,
  parseKeyTexts,
} from './input.ts'
import {
  type OAuthClientDeps,
  type OAuthClientInput,
  parseOAuthClientInput,
  requireGrantable,
  toClientFacts,
} from './oauth-client.ts'
import { createKeyCreation, type KeyCreationDeps } from './secrets.ts'

export interface KeysDeps extends KeyCreationDeps {}

/** Manages keys of all types on behalf of an actor. */
export function createKeys(deps: KeysDeps) {
  const { storage } = deps
  const find = (id: string) => findKey(storage, id)
  return Object.assign(createKeyCreation(deps), createKeyLifecycle(deps), createKeyEditing(deps), {
    list: (page: Page & KeyFilter) => storage.listKeys(page),
    /** Searches keys, with the names of the resources that they belong to. */
    search: (search: KeySearch) => storage.searchKeys(search),
    /** Counts the matching keys, up to `maxCount`. */
    count: (criteria: KeyCriteria, maxCount: number) => storage.countKeys(criteria, maxCount),
    find,
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
  })
}

export type Keys = ReturnType<typeof createKeys>

/** Enables, disables, revokes, deletes and assigns keys. */
export function createKeyLifecycle(deps: ManagementDeps & Pick<OAuthClientDeps, 'canGrant'>) {
  const { storage } = deps
  const find = (id: string) => findKey(storage, id)

  return {
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

/** Omitted fields stay unchanged. */
export type EditKeyInput = {
  readonly [Field in Exclude<keyof KeyEdit, 'oauthClient'>]?: KeyEdit[Field] | undefined
} & {
  readonly oauthClient?: OAuthClientInput | undefined
  /** The key's last change that the caller saw. The edit fails if the key was changed since. */
  readonly seen?: string | undefined
}

/** Edits a key's texts, owner, access and expiry. */
export function createKeyEditing(deps: KeyCreationDeps) {
  const { storage, clock } = deps
  const find = (id: string) => findKey(storage, id)

  return {
    async edit(id: string, { seen, ...change }: EditKeyInput): Promise<ServiceResult<KeySummary>> {
      const key = await find(id)
      if (!key.ok) return key
      const current = key.value
      const texts = parseKeyTexts({ ...current, ...omitEmpty(change) })
      if (!texts.ok) return texts
      const access = parseAccessLevel(change.access ?? current.access, current.keyType)
      if (!access.ok) return access
      const client = await parseClientEdit(deps, current, change.oauthClient)
      if (!client.ok) return client
      const edit: KeyEdit = {
        ...texts.value,
        ownerId: change.ownerId ?? current.ownerId,
        access: access.value,
        expiresAt: change.expiresAt === undefined ? current.expiresAt : change.expiresAt,
        oauthClient: client.value,
      }
      // Under another owner, or for longer, a client can have permissions that it did not have.
      if (edit.ownerId !== current.ownerId || edit.expiresAt !== current.expiresAt) {
        const isGranted = requireGrantable(deps, current.oauthClient?.scopes ?? [])
        if (!isGranted.ok) return isGranted
      }
      if (edit.expiresAt !== current.expiresAt && (edit.expiresAt ?? Infinity) <= clock()) {
        return failInvalid('the expiry must be in the future: to end a key now, revoke it')
      }
      if (edit.ownerId !== current.ownerId) {
        const owner = await findKeyOwner(storage, edit.ownerId)
        if (!owner.ok) return owner
        if (owner.value.accountId !== current.accountId) {
          return failInvalid(`user ${owner.value.id} belongs to another account`)
        }
        if (current.keyType === 'practice' && owner.value.username === null)
          return OWNER_WITHOUT_USERNAME
      }
      const action = edit.ownerId === current.ownerId ? 'key.edited' : 'key.transferred'
      const event = createAuditEvent(deps, action, current.id, listChangedFields(current, edit))
      const changed = await storage.editKey(current.id, edit, seen ?? current.eventId, event)
      if (changed) return find(current.id)
      return current.status === 'revoked'
        ? failKeyRevoked(current)
        : failConflict(
            `key ${current.publicId} was changed by another user: check it and try again`,
          )
    },
  }
}

/** Validates a change of a client's settings; null if there is none. */
async function parseClientEdit(
  deps: KeyCreationDeps,
  { accountId, keyType, oauthClient }: KeySummary,
  change: OAuthClientInput | undefined,
): Promise<ServiceResult<OAuthClientSettings | null>> {
  if (change === undefined) return ok(null)
  return oauthClient === null
    ? failInvalid(`keys of this type (${keyType}) have no settings of an OAuth client`)
    : parseOAuthClientInput(deps, change, accountId, oauthClient)
}

/** Lists the fields that an edit changes, with their new values. */
function listChangedFields(current: KeySummary, { oauthClient, ...edit }: KeyEdit) {
  const changed = Object.entries(edit).filter(
    ([field, value]) => current[field as keyof typeof edit] !== value,
  )
  const clientFacts =
    oauthClient === null || current.oauthClient === null
      ? {}
      : toClientFacts(oauthClient, current.oauthClient)
  return { ...Object.fromEntries(changed), ...clientFacts }
}

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
