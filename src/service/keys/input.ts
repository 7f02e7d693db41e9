import { ok } from '../../domain/failure.ts'
import { type AccessLevel, canHoldKeys, listAccessLevels } from '../../domain/key.ts'
import { getKeyTypeTraits, type KeyType } from '../../domain/key-type.ts'
import type { User } from '../ports/accounts.ts'
import type { KeyEdit, KeySummary } from '../ports/keys.ts'
import type { ResourceStorage } from '../ports/storage.ts'
import {
  failConflict,
  failInvalid,
  failNotFound,
  parseName,
  parseText,
  type ServiceResult,
} from '../service-result.ts'

export interface CreateKeyInput {
  /** The id that it is to have: who asks twice makes one key. Made here where it is left out. */
  readonly id?: string | undefined
  readonly dialect: KeyType
  readonly ownerId: string
  readonly name: string
  readonly description?: string | undefined
  readonly reference?: string | undefined
  /** What the dialect's keys belong to, beside their owner: one of these, or none. */
  readonly sourceId?: string | undefined
  readonly siteId?: string | undefined
  readonly developerId?: string | undefined
  readonly access?: AccessLevel | undefined
  /** What another system issued already; made here where it is left out. */
  readonly publicId?: string | undefined
  readonly secret?: string | undefined
  readonly expiresAt?: number | undefined
  /** Refuses the key if the developer has this many of the dialect, revoked ones included. */
  readonly maxDeveloperKeys?: number | undefined
}

type KeyReferenceStorage = Pick<
  ResourceStorage,
  'findUser' | 'findSource' | 'findSite' | 'findDeveloper'
>

/** Reads whose a key is to be, and what it is to belong to. */
export function createKeyInputParser(storage: KeyReferenceStorage) {
  return { findOwner, parseOwnership }

  async function findOwner(id: string): Promise<ServiceResult<User>> {
    const owner = await storage.findUser(id)
    if (owner === null) return failNotFound(`there is no user ${id}`)
    if (owner.leftAt !== null) return failInvalid(`${owner.email} has left`)
    return canHoldKeys(owner.role)
      ? ok(owner)
      : failInvalid(
          `${owner.email} is ${owner.role}: only an engineer or administrator may hold a key`,
        )
  }

  /** What the dialect's keys belong to, which must be of the owner's account. */
  async function parseOwnership(
    input: CreateKeyInput,
    owner: User,
  ): Promise<ServiceResult<KeyOwnership>> {
    const { sourceId, siteId, developerId } = input
    const { belongsTo } = getKeyTypeTraits(input.dialect)
    const idsByKind = omitEmpty({ source: sourceId, site: siteId, developer: developerId })
    const unexpectedKind = Object.keys(idsByKind).find((what) => what !== belongsTo)
    if (unexpectedKind !== undefined)
      return failInvalid(`keys of this dialect have no ${unexpectedKind}`)
    if (input.dialect === 'practice' && owner.username === null) return OWNER_WITHOUT_USERNAME
    if (belongsTo === 'owner') return ok(NO_OWNERSHIP)

    const id = idsByKind[belongsTo]
    if (id === undefined) return failInvalid(`a key of this dialect needs a ${belongsTo}`)
    const referenced = await {
      source: storage.findSource,
      site: storage.findSite,
      developer: storage.findDeveloper,
    }[belongsTo](id)
    if (referenced === null) return failNotFound(`there is no ${belongsTo} ${id}`)
    if (referenced.accountId !== owner.accountId) {
      return failInvalid(`${belongsTo} ${id} and user ${owner.id} belong to different accounts`)
    }
    return ok({ ...NO_OWNERSHIP, [`${belongsTo}Id`]: id })
  }
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
  const description = parseText('the description', input.description ?? '', MAX_DESCRIPTION_LENGTH)
  if (!description.ok) return description
  const reference = parseText('the reference', input.reference ?? '', MAX_REFERENCE_LENGTH)
  if (!reference.ok) return reference
  return ok({ name: name.value, description: description.value, reference: reference.value })
}

/** Refuses what would be without effect: a key that is said to read only must not write. */
export function parseAccessLevel(level: AccessLevel, dialect: KeyType): ServiceResult<AccessLevel> {
  const levels = listAccessLevels(dialect)
  return levels.includes(level)
    ? ok(level)
    : failInvalid(
        `keys of this dialect (${dialect}) cannot have the access ${level}: ${levels.join(' or ')}`,
      )
}

/** Without what is undefined or null. */
export function omitEmpty<T extends object>(fields: T): { [K in keyof T]?: NonNullable<T[K]> } {
  const entries = Object.entries(fields).filter(
    ([, value]) => value !== undefined && value !== null,
  )
  return Object.fromEntries(entries) as { [K in keyof T]?: NonNullable<T[K]> }
}

export const OWNER_WITHOUT_USERNAME = failInvalid(
  'the owner needs a username: their keys are presented with it',
)

/** A key with its secret: the only time that the secret is shown, unless its dialect lets it be viewed. */
export interface KeyWithSecret {
  readonly key: KeySummary
  readonly secret: string
}

/** Finds keys, by row id or by public id. */
export function createKeyFinder(storage: Pick<ResourceStorage, 'findKeySummary'>) {
  async function find(id: string): Promise<ServiceResult<KeySummary>> {
    const key = await storage.findKeySummary(id)
    return key === null ? failNotFound(`there is no key ${id}`) : ok(key)
  }

  async function findWithSecret(id: string, secret: string): Promise<ServiceResult<KeyWithSecret>> {
    const key = await find(id)
    return key.ok ? ok({ key: key.value, secret }) : key
  }

  return { find, findWithSecret }
}

export const failKeyRevoked = (key: KeySummary) =>
  failConflict(`key ${key.publicId} is revoked, and that is final: create another`)
