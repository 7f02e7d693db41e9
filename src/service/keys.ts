import { type Dialect, traitsOf } from '../domain/dialect.ts'
import { ok } from '../domain/failure.ts'
import { type Access, accessesOf, isPublicId, mayHoldKeys, type Party } from '../domain/key.ts'
import { createKeySecrets, type KeySecretsDeps } from './key-secrets.ts'
import {
  conflict,
  type Done,
  eventOf,
  invalid,
  notFound,
  type OperatorDeps,
  readName,
  readText,
} from './operator.ts'
import type {
  AuthorityStorage,
  KeyEdit,
  KeyFilter,
  KeySummary,
  OperatorStorage,
  Page,
  User,
} from './ports.ts'

export interface KeysDeps extends OperatorDeps, KeySecretsDeps {
  readonly storage: OperatorStorage & Pick<AuthorityStorage, 'findKeyBySecret'>
}

/** A key with its secret: the only time that the secret is shown, unless its dialect lets it be viewed. */
export interface Revealed {
  readonly key: KeySummary
  readonly secret: string
}

export interface KeyWish {
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
}

/** What is left out stays as it is. */
export type KeyChange = { readonly [Field in keyof KeyEdit]?: KeyEdit[Field] | undefined } & {
  /** The key's last change that its editor has seen: another since then is told, not overwritten. */
  readonly seen?: string | undefined
}

/** The life of a key of any dialect, in the hands of who acts. */
export function createKeys(deps: KeysDeps) {
  const { storage, digester, random, clock } = deps
  const secrets = createKeySecrets(deps)

  return {
    async create(wish: KeyWish): Promise<Done<Revealed>> {
      const texts = readTexts(wish)
      if (!texts.ok) return texts
      const publicId = wish.publicId ?? random.uuid()
      if (!isPublicId(publicId)) {
        return invalid('the public id must be 1 to 128 printable ASCII characters without blanks')
      }
      if (wish.dialect === 'xdent' && publicId.includes('.')) {
        return invalid(
          'the public id must have no dot: the first one ends it where it is presented',
        )
      }
      const secret = secrets.read(wish.secret, wish.dialect)
      if (!secret.ok) return secret
      const now = clock()
      if (wish.expiresAt !== undefined && wish.expiresAt <= now) {
        return invalid('the expiry must be in the future')
      }
      const access = readAccess(wish.access ?? 'standard', wish.dialect)
      if (!access.ok) return access
      const owner = await findOwner(wish.ownerId)
      if (!owner.ok) return owner
      const place = await readPlace(wish, owner.value)
      if (!place.ok) return place
      const id = random.uuid()
      if (await isTaken(wish.secret, wish.dialect, id)) return taken

      const { hash, sealed } = await secrets.keep(secret.value, wish.dialect, id)
      const added = await storage.addKey(
        {
          id,
          accountId: owner.value.accountId,
          ownerId: owner.value.id,
          dialect: wish.dialect,
          ...place.value,
          ...texts.value,
          publicId,
          access: access.value,
          secretHash: hash,
          sealedSecret: sealed,
          tokenSalt: random.salt(),
          createdAt: now,
          expiresAt: wish.expiresAt ?? null,
        },
        eventOf(deps, 'key.created', id, {
          dialect: wish.dialect,
          publicId,
          ownerId: owner.value.id,
          ...given(place.value),
        }),
      )
      if (!added) {
        return conflict(
          wish.sourceId === undefined
            ? TAKEN
            : `source ${wish.sourceId} has a key already, or the public id ${publicId} is taken: ` +
                'revoke that key first, or make another source',
        )
      }
      return reveal(id, secret.value)
    },

    /** The secret again, where the dialect lets it be viewed. Each view is an event. */
    async view(id: string): Promise<Done<Revealed>> {
      const key = await find(id)
      if (!key.ok) return key
      const sealed = await storage.findSealedSecret(key.value.id)
      if (sealed === null) {
        return conflict(`a secret of this dialect (${key.value.dialect}) is shown once: rotate it`)
      }
      await storage.addEvent(eventOf(deps, 'key.viewed', key.value.id))
      return ok({ key: key.value, secret: await secrets.open(sealed, key.value.id) })
    },

    /** Undoes a disable of the same party. */
    async enable(id: string, by: Party = 'operator'): Promise<Done<KeySummary>> {
      const key = await find(id)
      if (!key.ok || key.value.status === 'enabled') return key
      const event = eventOf(deps, 'key.enabled', key.value.id, { by })
      if (await storage.enableKey(key.value.id, by, event)) return find(key.value.id)
      const now = await find(id)
      return now.ok && now.value.status === 'disabled' ? disabledBy(now.value) : settled(now)
    },

    async disable(id: string, by: Party = 'operator'): Promise<Done<KeySummary>> {
      const key = await find(id)
      if (!key.ok) return key
      const event = eventOf(deps, 'key.disabled', key.value.id, { by })
      if (await storage.disableKey(key.value.id, by, event)) return find(key.value.id)
      const now = await find(id)
      return now.ok && now.value.disabledBy !== null && now.value.disabledBy !== by
        ? disabledBy(now.value)
        : settled(now)
    },

    /** Final. The key stays listed. */
    async revoke(id: string): Promise<Done<KeySummary>> {
      const key = await find(id)
      if (!key.ok) return key
      const event = eventOf(deps, 'key.revoked', key.value.id)
      const changed = await storage.revokeKey(key.value.id, event)
      return changed ? find(key.value.id) : settled(await find(id))
    },

    /** Where the dialect has it. The audit keeps what was. */
    async remove(id: string): Promise<Done<void>> {
      const key = await find(id)
      if (!key.ok) return key
      const { dialect, publicId, name } = key.value
      if (!traitsOf(dialect).deletable) {
        return conflict(`keys of this dialect (${dialect}) stay listed: revoke it`)
      }
      const event = eventOf(deps, 'key.deleted', key.value.id, { dialect, publicId, name })
      const removed = await storage.removeKey(key.value.id, event)
      return removed ? ok(undefined) : notFound(`there is no key ${id}`)
    },

    async edit(id: string, { seen, ...change }: KeyChange): Promise<Done<KeySummary>> {
      const key = await find(id)
      if (!key.ok) return key
      const before = key.value
      const texts = readTexts({ ...before, ...given(change) })
      if (!texts.ok) return texts
      const access = readAccess(change.access ?? before.access, before.dialect)
      if (!access.ok) return access
      const edit: KeyEdit = {
        ...texts.value,
        ownerId: change.ownerId ?? before.ownerId,
        access: access.value,
        expiresAt: change.expiresAt === undefined ? before.expiresAt : change.expiresAt,
      }
      if (edit.expiresAt !== before.expiresAt && (edit.expiresAt ?? Infinity) <= clock()) {
        return invalid('the expiry must be in the future: to end a key now, revoke it')
      }
      if (edit.ownerId !== before.ownerId) {
        const owner = await findOwner(edit.ownerId)
        if (!owner.ok) return owner
        if (owner.value.accountId !== before.accountId) {
          return invalid(`user ${owner.value.id} is of another account`)
        }
        if (before.dialect === 'practice' && owner.value.username === null) return noUsername
      }
      const action = edit.ownerId === before.ownerId ? 'key.edited' : 'key.transferred'
      const event = eventOf(deps, action, before.id, differences(before, edit))
      const changed = await storage.editKey(before.id, edit, seen ?? before.eventId, event)
      if (changed) return find(before.id)
      return before.status === 'revoked'
        ? revokedAlready(before)
        : conflict(`key ${before.publicId} was changed by somebody else: look at it again`)
    },

    /** An office takes the key into use; no site takes it back. */
    async assign(id: string, siteId: string | null): Promise<Done<KeySummary>> {
      const key = await find(id)
      if (!key.ok) return key
      if (key.value.dialect !== 'opendental') {
        return conflict(`keys of this dialect (${key.value.dialect}) are not assigned`)
      }
      if (siteId !== null && (await storage.findSite(siteId)) === null) {
        return notFound(`there is no site ${siteId}`)
      }
      const action = siteId === null ? 'key.unassigned' : 'key.assigned'
      const event = eventOf(deps, action, key.value.id, siteId === null ? {} : { siteId })
      const to = siteId === null ? null : { siteId, at: event.at }
      const changed = await storage.assignKey(key.value.id, to, event)
      return changed ? find(key.value.id) : revokedAlready(key.value)
    },

    /**
     * A new secret. Without an overlap the old one, and every token issued before, end at once; with
     * one, both secrets work until then and tokens live on.
     */
    async rotateSecret(
      id: string,
      wish: { secret?: string | undefined; overlapMs?: number | undefined },
    ): Promise<Done<Revealed>> {
      const key = await find(id)
      if (!key.ok) return key
      if (key.value.status === 'revoked') return revokedAlready(key.value)
      const { dialect } = key.value
      const secret = secrets.read(wish.secret, dialect)
      if (!secret.ok) return secret
      if (await isTaken(wish.secret, dialect, key.value.id)) return taken
      const overlapEndsAt = wish.overlapMs === undefined ? null : clock() + wish.overlapMs
      const kept = await secrets.keep(secret.value, dialect, key.value.id)
      const changed = await storage.replaceSecret(
        key.value.id,
        { ...kept, overlapEndsAt, tokenSalt: random.salt() },
        eventOf(deps, 'key.secret_rotated', key.value.id, { overlapEndsAt }),
      )
      return changed ? reveal(key.value.id, secret.value) : revokedAlready(key.value)
    },

    list: (page: Page & KeyFilter) => storage.listKeys(page),
    find,
  }

  async function find(id: string): Promise<Done<KeySummary>> {
    const key = await storage.findKeySummary(id)
    return key === null ? notFound(`there is no key ${id}`) : ok(key)
  }

  /**
   * Whether another key has this secret, or had it before its rotation. The key ring may have been
   * rotated since: then the same secret has another digest, and the database cannot tell.
   */
  async function isTaken(
    supplied: string | undefined,
    dialect: Dialect,
    keyId: string,
  ): Promise<boolean> {
    if (supplied === undefined || traitsOf(dialect).secret === 'exchanged') return false
    for (const digest of digester.candidates(supplied)) {
      const key = await storage.findKeyBySecret(digest)
      if (key !== null && key.id !== keyId) return true
    }
    return false
  }

  async function reveal(id: string, secret: string): Promise<Done<Revealed>> {
    const key = await find(id)
    return key.ok ? ok({ key: key.value, secret }) : key
  }

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

interface Place {
  readonly sourceId: string | null
  readonly siteId: string | null
  readonly developerId: string | null
}
const nowhere: Place = { sourceId: null, siteId: null, developerId: null }

const DESCRIPTION_MAX = 2000
export const REFERENCE_MAX = 200

function readTexts(wish: {
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
function readAccess(access: Access, dialect: Dialect): Done<Access> {
  const accesses = accessesOf(dialect)
  return accesses.includes(access)
    ? ok(access)
    : invalid(
        `keys of this dialect (${dialect}) cannot have the access ${access}: ${accesses.join(' or ')}`,
      )
}

/** Without what is undefined or null. */
function given<T extends object>(fields: T): { [K in keyof T]?: NonNullable<T[K]> } {
  const entries = Object.entries(fields).filter(
    ([, value]) => value !== undefined && value !== null,
  )
  return Object.fromEntries(entries) as { [K in keyof T]?: NonNullable<T[K]> }
}

/** What an edit changes, as it is from now on. */
const differences = (before: KeySummary, edit: KeyEdit) =>
  Object.fromEntries(
    Object.entries(edit).filter(([field, value]) => before[field as keyof KeyEdit] !== value),
  )

const revokedAlready = (key: KeySummary) =>
  conflict(`key ${key.publicId} is revoked, and that is final: create another`)

/** The key is as it was wished already, unless it is revoked. */
const settled = (key: Done<KeySummary>): Done<KeySummary> =>
  key.ok && key.value.status === 'revoked' ? revokedAlready(key.value) : key

const WHO: Readonly<Record<Party, string>> = {
  developer: 'its developer',
  customer: 'its customer',
  operator: 'the operator',
}

const disabledBy = (key: KeySummary) =>
  conflict(
    `key ${key.publicId} was disabled by ${WHO[key.disabledBy ?? 'operator']}, who alone can enable it`,
  )

const TAKEN = 'the public id or the secret is taken: another key has it'
const taken = conflict(TAKEN)

const noUsername = invalid('the owner needs a username: his keys are presented with it')

export type Keys = ReturnType<typeof createKeys>
