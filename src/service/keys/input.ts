import { ok } from '../../domain/failure.ts'
import { type AccessLevel, listAccessLevels } from '../../domain/key.ts'
import { getKeyTypeTraits, type KeyType } from '../../domain/key-type.ts'
import { canHoldKeys } from '../../domain/role.ts'
import { parseName, parseText } from '../input.ts'
import type { User } from '../ports/accounts.ts'
import type { KeyEdit, KeySummary } from '../ports/keys.ts'
import type { ResourceStorage } from '../ports/storage.ts'
import {
  failConflict,
  failInvalid,
  failNotFound,
  requireFound,
  type ServiceResult,
} from '../service-result.ts'
import type { OAuthClientInput } from './oauth-client.ts'

export interface CreateKeyInput {
  /** The id of the new key, so that a repeated request creates only one; created here if omitted. */
  readonly id?: string | undefined
  readonly keyType: KeyType
  readonly ownerId: string
  readonly name: string
  readonly description?: string | undefined
  readonly reference?: string | undefined
  /** The resource that keys of this type belong to, besides their owner: one of these, or none. */
  readonly sourceId?: string | undefined
  readonly siteId?: string | undefined
  readonly developerId?: string | undefined
  readonly access?: AccessLevel | undefined
  /** The public id and secret that another system issued; created here if omitted. */
  readonly publicId?: string | undefined
  readonly secret?: string | undefined
  readonly expiresAt?: number | undefined
  /** Refuses the key if the developer has this many keys of the type, including revoked ones. */
  readonly maxDeveloperKeys?: number | undefined
  /** The settings of an OAuth client, and of no other key type. */
  readonly oauthClient?: OAuthClientInput | undefined
}

/** Finds the owner of a key, who must be active and in a role that can own keys. */
export async function findKeyOwner(
  storage: Pick<ResourceStorage, 'findUser'>,
  id: string,
): Promise<ServiceResult<User>> {
  const owner = await storage.findUser(id)
  if (owner === null) return failNotFound(`there is no user ${id}`)
  if (owner.deactivatedAt !== null) return failInvalid(`${owner.email} is deactivated`, 'ownerId')
  return canHoldKeys(owner.role)
    ? ok(owner)
    : failInvalid(
        `${owner.email} is ${owner.role}: only an engineer or an administrator can own a key`,
        'ownerId',
      )
}

/** Validates the resource that a new key belongs to, which must be in the owner's account. */
export async function parseKeyOwnership(
  storage: Pick<ResourceStorage, 'findSource' | 'findSite' | 'findDeveloper'>,
  input: Pick<CreateKeyInput, 'keyType' | 'sourceId' | 'siteId' | 'developerId'>,
  owner: User,
): Promise<ServiceResult<KeyOwnership>> {
  const { sourceId, siteId, developerId } = input
  const { belongsTo } = getKeyTypeTraits(input.keyType)
  const idsByKind = omitEmpty({ source: sourceId, site: siteId, developer: developerId })
  const unexpectedKind = Object.keys(idsByKind).find((what) => what !== belongsTo)
  if (unexpectedKind !== undefined)
    return failInvalid(`keys of this type have no ${unexpectedKind}`, `${unexpectedKind}Id`)
  if (input.keyType === 'practice' && owner.username === null) return OWNER_WITHOUT_USERNAME
  if (belongsTo === 'owner') return ok(NO_OWNERSHIP)

  const id = idsByKind[belongsTo]
  if (id === undefined)
    return failInvalid(`a key of this type needs a ${belongsTo}`, `${belongsTo}Id`)
  const referenced = await {
    source: storage.findSource,
    site: storage.findSite,
    developer: storage.findDeveloper,
  }[belongsTo](id)
  if (referenced === null) return failNotFound(`there is no ${belongsTo} ${id}`)
  if (referenced.accountId !== owner.accountId) {
    return failInvalid(
      `${belongsTo} ${id} and user ${owner.id} belong to different accounts`,
      `${belongsTo}Id`,
    )
  }
  return ok({ ...NO_OWNERSHIP, [`${belongsTo}Id`]: id })
}

export interface KeyOwnership {
  readonly sourceId: string | null
  readonly siteId: string | null
  readonly developerId: string | null
}
const NO_OWNERSHIP: KeyOwnership = { sourceId: null, siteId: null, developerId: null }

const MAX_DESCRIPTION_LENGTH = 2000
export const MAX_REFERENCE_LENGTH = 200

export function parseKeyTexts(input: {
  readonly name: string
  readonly description?: string | undefined
  readonly reference?: string | undefined
}): ServiceResult<Pick<KeyEdit, 'name' | 'description' | 'reference'>> {
  const name = parseName('the name', input.name)
  if (!name.ok) return name
  const description = parseText(
    'the description',
    input.description ?? '',
    MAX_DESCRIPTION_LENGTH,
    'description',
  )
  if (!description.ok) return description
  const reference = parseText(
    'the reference',
    input.reference ?? '',
    MAX_REFERENCE_LENGTH,
    'reference',
  )
  if (!reference.ok) return reference
  return ok({ name: name.value, description: description.value, reference: reference.value })
}

/** Refuses a level that the key type does not enforce, because a read-only key must not write. */
export function parseAccessLevel(level: AccessLevel, keyType: KeyType): ServiceResult<AccessLevel> {
  const levels = listAccessLevels(keyType)
  return levels.includes(level)
    ? ok(level)
    : failInvalid(
        `keys of this type (${keyType}) cannot have the access ${level}: use ${levels.join(' or ')}`,
        'access',
      )
}

/** Returns the fields that are neither undefined nor null. */
export function omitEmpty<T extends object>(fields: T): { [K in keyof T]?: NonNullable<T[K]> } {
  const entries = Object.entries(fields).filter(
    ([, value]) => value !== undefined && value !== null,
  )
  return Object.fromEntries(entries) as { [K in keyof T]?: NonNullable<T[K]> }
}

export const OWNER_WITHOUT_USERNAME = failInvalid(
  'the owner needs a username, with which their keys are presented: set it first',
  'ownerId',
)

/** A key with its secret. The secret is shown only once, unless the key type allows viewing it. */
export interface KeyWithSecret {
  readonly key: KeySummary
  readonly secret: string
}

/** A new key. Its secret is null if it is an OAuth client that signs assertions instead. */
export interface CreatedKey<Type extends KeyType = KeyType> {
  readonly key: KeySummary
  readonly secret: 'oauth' extends Type ? string | null : string
}

/** Finds a key by its row id or its public id. */
export async function findKey(
  storage: Pick<ResourceStorage, 'findKeySummary'>,
  id: string,
): Promise<ServiceResult<KeySummary>> {
  return requireFound(await storage.findKeySummary(id), 'key', id)
}

export const failKeyRevoked = (key: KeySummary) =>
  failConflict(`key ${key.publicId} is revoked permanently: create another key`)
