import { type Dialect, traitsOf } from '../../domain/dialect.ts'
import { ok } from '../../domain/failure.ts'
import { toStoredId } from '../../domain/id.ts'
import { isPublicId } from '../../domain/key.ts'
import { createKeySecrets, type KeySecretsDeps } from '../key-secrets.ts'
import { conflict, type Done, eventOf, invalid, type OperatorDeps, readId } from '../operator.ts'
import type { AuthorityStorage, OperatorStorage } from '../ports.ts'
import { createKeyFinder, type Revealed, revokedAlready } from './find.ts'
import { createWishReader, given, type KeyWish, readAccess, readTexts } from './wish.ts'

export interface MakingDeps extends OperatorDeps, KeySecretsDeps {
  readonly storage: OperatorStorage & Pick<AuthorityStorage, 'findKeyBySecret'>
}

/** How a key comes by its secret, and who is shown it. */
export function createMaking(deps: MakingDeps) {
  const { storage, digester, random, clock } = deps
  const secrets = createKeySecrets(deps)
  const { find, reveal } = createKeyFinder(storage)
  const { findOwner, readPlace } = createWishReader(storage)

  return {
    async create(wish: KeyWish): Promise<Done<Revealed>> {
      const texts = readTexts(wish)
      if (!texts.ok) return texts
      const publicId = wish.publicId === undefined ? random.uuid() : toStoredId(wish.publicId)
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
      const wished = readId(wish.id, random)
      if (!wished.ok) return wished
      const id = wished.value
      if (await isTaken(wish.secret, wish.dialect, id)) return taken

      const kept = await secrets.keep(secret.value, wish.dialect, id)
      if (!kept.ok) return kept
      const { hash, digest, sealed } = kept.value
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
          secretDigest: digest,
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
        wish.maxDeveloperKeys,
      )
      if (!added) {
        if (wish.id !== undefined && (await find(id)).ok) {
          return conflict(`key ${id} was made already: its secret is not shown again`)
        }
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

    /**
     * A new secret. Without an overlap the old one, and every token issued before, end at once; with
     * one, both secrets work until then and tokens live on.
     */
    async rotateSecret(
      id: string,
      wish: {
        secret?: string | undefined
        overlapMs?: number | undefined
        /** The key's last change that was seen: who asks twice rotates once. */
        seen?: string | undefined
      },
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
      if (!kept.ok) return kept
      const changed = await storage.replaceSecret(
        key.value.id,
        { ...kept.value, overlapEndsAt, tokenSalt: random.salt(), seen: wish.seen },
        eventOf(deps, 'key.secret_rotated', key.value.id, { overlapEndsAt }),
      )
      if (changed) return reveal(key.value.id, secret.value)
      const now = await find(key.value.id)
      return now.ok && now.value.status !== 'revoked' && wish.seen !== undefined
        ? conflict(`key ${key.value.publicId} was changed since you looked at it: look again`)
        : revokedAlready(key.value)
    },
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
}

const TAKEN = 'the public id or the secret is taken: another key has it'
const taken = conflict(TAKEN)
