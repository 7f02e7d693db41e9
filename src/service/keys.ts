import { ok } from '../domain/failure.ts'
import {
  isPublicId,
  type KeyStatus,
  mayHoldKeys,
  SECRET_MAX_LENGTH,
  SECRET_MIN_LENGTH,
} from '../domain/key.ts'
import {
  conflict,
  type Done,
  eventOf,
  invalid,
  notFound,
  type OperatorDeps,
  readName,
} from './operator.ts'
import type { KeySummary, OperatorStorage, Page, SecretHasher } from './ports.ts'

export interface KeysDeps extends OperatorDeps {
  readonly storage: OperatorStorage
  readonly hasher: SecretHasher
}

/** A key with its secret: the only time that the secret is shown. */
export interface Revealed {
  readonly key: KeySummary
  readonly secret: string
}

export interface KeyWish {
  readonly ownerId: string
  readonly sourceId: string
  readonly name: string
  /** What another system issued already; made here where it is left out. */
  readonly publicId?: string | undefined
  readonly secret?: string | undefined
  readonly expiresAt?: number | undefined
}

/** What an operator does with legacy keys. */
export function createKeys(deps: KeysDeps) {
  const { storage, hasher, random, clock } = deps

  return {
    async create(wish: KeyWish): Promise<Done<Revealed>> {
      const name = readName('the name', wish.name)
      if (!name.ok) return name
      const publicId = wish.publicId ?? random.uuid()
      if (!isPublicId(publicId)) {
        return invalid('the public id must be 1 to 128 printable ASCII characters without blanks')
      }
      const secret = readSecret(wish.secret)
      if (!secret.ok) return secret
      const now = clock()
      if (wish.expiresAt !== undefined && wish.expiresAt <= now) {
        return invalid('the expiry must be in the future')
      }
      const owner = await storage.findUser(wish.ownerId)
      if (owner === null) return notFound(`there is no user ${wish.ownerId}`)
      if (!mayHoldKeys(owner.role)) {
        return invalid(
          `${owner.email} is ${owner.role}: only an engineer or administrator may hold a key`,
        )
      }
      const source = await storage.findSource(wish.sourceId)
      if (source === null) return notFound(`there is no source ${wish.sourceId}`)
      if (source.accountId !== owner.accountId) {
        return invalid(`source ${source.id} and user ${owner.id} belong to different accounts`)
      }

      const id = random.uuid()
      const added = await storage.addKey(
        {
          id,
          accountId: owner.accountId,
          ownerId: owner.id,
          sourceId: source.id,
          name: name.value,
          publicId,
          secretHash: await hash(secret.value),
          tokenSalt: random.salt(),
          createdAt: now,
          expiresAt: wish.expiresAt ?? null,
        },
        eventOf(deps, 'key.created', id, { publicId, sourceId: source.id, ownerId: owner.id }),
      )
      if (!added) {
        return conflict(
          `source ${source.id} has a key already, or the public id ${publicId} is taken: ` +
            'revoke that key first, or make another source',
        )
      }
      return reveal(id, secret.value)
    },

    enable: (id: string) => setStatus(id, 'enabled', 'key.enabled'),
    disable: (id: string) => setStatus(id, 'disabled', 'key.disabled'),
    /** Final. The key stays listed. */
    revoke: (id: string) => setStatus(id, 'revoked', 'key.revoked'),

    /**
     * A new secret. Without an overlap the old one, and every token issued before, end at once; with
     * one, both secrets work until then and tokens live on.
     */
    async rotateSecret(
      id: string,
      wish: { secret?: string | undefined; overlapMs?: number | undefined },
    ): Promise<Done<Revealed>> {
      const secret = readSecret(wish.secret)
      if (!secret.ok) return secret
      const key = await find(id)
      if (!key.ok) return key
      const overlapEndsAt = wish.overlapMs === undefined ? null : clock() + wish.overlapMs
      const changed = await storage.replaceSecret(
        key.value.id,
        { hash: await hash(secret.value), overlapEndsAt, tokenSalt: random.salt() },
        eventOf(deps, 'key.secret_rotated', key.value.id, { overlapEndsAt }),
      )
      return changed ? reveal(key.value.id, secret.value) : revokedAlready(key.value)
    },

    list: (page: Page & { accountId?: string | undefined }) => storage.listKeys(page),
    find,
  }

  async function find(id: string): Promise<Done<KeySummary>> {
    const key = await storage.findKeySummary(id)
    return key === null ? notFound(`there is no key ${id}`) : ok(key)
  }

  async function setStatus(id: string, status: KeyStatus, action: string) {
    const key = await find(id)
    if (!key.ok) return key
    const event = eventOf(deps, action, key.value.id)
    const changed = await storage.setKeyStatus(key.value.id, status, event)
    return changed ? find(key.value.id) : revokedAlready(key.value)
  }

  async function reveal(id: string, secret: string): Promise<Done<Revealed>> {
    const key = await find(id)
    return key.ok ? ok({ key: key.value, secret }) : key
  }

  async function hash(secret: string): Promise<string> {
    const hashed = await hasher.hash(secret)
    if (!hashed.ok) throw new Error('the server is too busy to hash a secret; try again')
    return hashed.value
  }

  function readSecret(supplied: string | undefined): Done<string> {
    if (supplied === undefined) return ok(random.secret())
    if (supplied.length < SECRET_MIN_LENGTH || supplied.length > SECRET_MAX_LENGTH) {
      return invalid(
        `a secret must have ${SECRET_MIN_LENGTH} to ${SECRET_MAX_LENGTH} characters, this one has ${supplied.length}`,
      )
    }
    if (/\p{Cc}/u.test(supplied) || !supplied.isWellFormed()) {
      return invalid('a secret must be one line of text')
    }
    return ok(supplied)
  }
}

const revokedAlready = (key: KeySummary) =>
  conflict(`key ${key.publicId} is revoked, and that is final: create another`)

export type Keys = ReturnType<typeof createKeys>
