import { type Dialect, traitsOf } from '../../domain/dialect.ts'
import { ok } from '../../domain/failure.ts'
import { type Access, accessesOf, mayHoldKeys } from '../../domain/key.ts'
import { type Done, invalid, notFound, readName, readText } from '../operator.ts'
import type { KeyEdit, OperatorStorage, User } from '../ports.ts'

export interface KeyWish {
  /** The id that it is to have: who asks twice makes one key. Made here where it is left out. */
  readonly id?: string | undefined
  readonly dialect: Dialect
  readonly ownerId: string
  readonly name: string
  readonly description?: string | undefined
  readonly reference?: string | undefined
  /** What the dialect's keys belong to, beside their owner: one of these, or none. */
  readonly sourceId?: string | undefined
  readonly siteId?: string | undefined
  readonly developerId?: string | undefined
  readonly access?: Access | undefined
  /** What another system issued already; made here where it is left out. */
  readonly publicId?: string | undefined
  readonly secret?: string | undefined
  readonly expiresAt?: number | undefined
  /** Refuses the key if the developer has this many of the dialect, revoked ones included. */
  readonly maxDeveloperKeys?: number | undefined
}

type Found = Pick<OperatorStorage, 'findUser' | 'findSource' | 'findSite' | 'findDeveloper'>

/** Reads whose a key is to be, and what it is to belong to. */
export function createWishReader(storage: Found) {
  return { findOwner, readPlace }

  async function findOwner(id: string): Promise<Done<User>> {
    const owner = await storage.findUser(id)
    if (owner === null) return notFound(`there is no user ${id}`)
    if (owner.leftAt !== null) return invalid(`${owner.email} has left`)
    return mayHoldKeys(owner.role)
      ? ok(owner)
      : invalid(`${owner.email} is ${owner.role}: only an engineer or administrator may hold a key`)
  }

  /** What the dialect's keys belong to, which must be of the owner's account. */
  async function readPlace(wish: KeyWish, owner: User): Promise<Done<Place>> {
    const { sourceId, siteId, developerId } = wish
    const { belongsTo } = traitsOf(wish.dialect)
    const named = given({ source: sourceId, site: siteId, developer: developerId })
    const stray = Object.keys(named).find((what) => what !== belongsTo)
    if (stray !== undefined) return invalid(`keys of this dialect have no ${stray}`)
    if (wish.dialect === 'practice' && owner.username === null) return noUsername
    if (belongsTo === 'owner') return ok(nowhere)

    const id = named[belongsTo]
    if (id === undefined) return invalid(`a key of this dialect needs a ${belongsTo}`)
    const found = await {
      source: storage.findSource,
      site: storage.findSite,
      developer: storage.findDeveloper,
    }[belongsTo](id)
    if (found === null) return notFound(`there is no ${belongsTo} ${id}`)
    if (found.accountId !== owner.accountId) {
      return invalid(`${belongsTo} ${id} and user ${owner.id} belong to different accounts`)
    }
    return ok({ ...nowhere, [`${belongsTo}Id`]: id })
  }
}

export interface Place {
  readonly sourceId: string | null
  readonly siteId: string | null
  readonly developerId: string | null
}
const nowhere: Place = { sourceId: null, siteId: null, developerId: null }

const DESCRIPTION_MAX = 2000
export const REFERENCE_MAX = 200

export function readTexts(wish: {
  readonly name: string
  readonly description?: string | undefined
  readonly reference?: string | undefined
}): Done<Pick<KeyEdit, 'name' | 'description' | 'reference'>> {
  const name = readName('the name', wish.name)
  if (!name.ok) return name
  const description = readText('the description', wish.description ?? '', DESCRIPTION_MAX)
  if (!description.ok) return description
  const reference = readText('the reference', wish.reference ?? '', REFERENCE_MAX)
  if (!reference.ok) return reference
  return ok({ name: name.value, description: description.value, reference: reference.value })
}

/** Refuses what would be without effect: a key that is said to read only must not write. */
export function readAccess(access: Access, dialect: Dialect): Done<Access> {
  const accesses = accessesOf(dialect)
  return accesses.includes(access)
    ? ok(access)
    : invalid(
        `keys of this dialect (${dialect}) cannot have the access ${access}: ${accesses.join(' or ')}`,
      )
}

/** Without what is undefined or null. */
export function given<T extends object>(fields: T): { [K in keyof T]?: NonNullable<T[K]> } {
  const entries = Object.entries(fields).filter(
    ([, value]) => value !== undefined && value !== null,
  )
  return Object.fromEntries(entries) as { [K in keyof T]?: NonNullable<T[K]> }
}

export const noUsername = invalid('the owner needs a username: their keys are presented with it')
