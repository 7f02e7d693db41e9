import { ok } from '../../domain/failure.ts'
import { SECRET_MAX_LENGTH, SECRET_MIN_LENGTH } from '../../domain/key.ts'
import { getKeyTypeTraits, type KeyType } from '../../domain/key-type.ts'
import { hasSecret } from '../../domain/oauth-client.ts'
import { isDamagedSecret, isLatchkeySecret, toExchangedSecretText } from '../../domain/secret.ts'
import type { ManagementDeps } from '../account-scope.ts'
import { createAuditEvent } from '../audit/audit-event.ts'
import type { ImportedSecrets } from '../authenticate/imported-secrets.ts'
import {
  openText,
  type Sealer,
  type SecretDigester,
  type SecretHasher,
  sealText,
  toHasherBusy,
} from '../ports/crypto.ts'
import type { KeySummary } from '../ports/keys.ts'
import type { Random } from '../ports/runtime.ts'
import { failBusy, failConflict, failInvalid, type ServiceResult } from '../service-result.ts'
import { failKeyRevoked, findKey, type KeyWithSecret } from './input.ts'
import { type OAuthClientDeps, requireGrantable } from './oauth-client.ts'

/** The dependencies of the management of keys. */
export interface KeysDeps
  extends ManagementDeps,
    KeySecretsDeps,
    Pick<OAuthClientDeps, 'canGrant'> {
  readonly importedSecrets: Pick<ImportedSecrets, 'listDigests'>
}

export interface RotateSecretInput {
  readonly secret?: string | undefined
  readonly overlapMs?: number | undefined
  /** The key's last change that the caller saw, so that a repeated request rotates only once. */
  readonly seen?: string | undefined
}

export interface RotatedKey extends KeyWithSecret {
  /** The end of an earlier overlap, which the rotation ended at once; null if none was left. */
  readonly endedOverlapAt: number | null
}

/** Returns the secret again, if the key type allows that. Each view is an audit event. */
export async function viewKeySecret(
  { storage, sealer, ...deps }: KeysDeps,
  id: string,
): Promise<ServiceResult<KeyWithSecret>> {
  const key = await findKey(storage, id)
  if (!key.ok) return key
  const sealed = await storage.findSealedSecret(key.value.id)
  if (sealed === null) {
    return failConflict(`a secret of this key type (${key.value.keyType}) is shown once: rotate it`)
  }
  await storage.addEvent(createAuditEvent(deps, 'key.viewed', key.value.id))
  return ok({ key: key.value, secret: await openText(sealer, sealed, key.value.id) })
}

/**
 * Replaces the secret. Without an overlap, the old secret and every token issued before end at
 * once. With one, both secrets work until it ends, and tokens stay valid.
 */
export async function rotateKeySecret(
  deps: KeysDeps,
  id: string,
  input: RotateSecretInput,
): Promise<ServiceResult<RotatedKey>> {
  const { storage, random, clock } = deps
  const key = await findKey(storage, id)
  if (!key.ok) return key
  if (key.value.status === 'revoked') return failKeyRevoked(key.value)
  const { keyType, oauthClient } = key.value
  if (!hasSecret({ oauthClient })) {
    return failConflict('this client signs assertions and has no secret: edit its JWK Set instead')
  }
  const isGranted = requireGrantable(deps, oauthClient?.scopes ?? [])
  if (!isGranted.ok) return isGranted
  const secret = parseKeySecret(random, input.secret, keyType)
  if (!secret.ok) return secret
  if (await isSecretTaken(deps, input.secret, keyType, key.value.id)) return KEY_TAKEN
  const rotatedAt = clock()
  const overlapEndsAt = input.overlapMs === undefined ? null : rotatedAt + input.overlapMs
  const earlierEndsAt = key.value.previousSecretEndsAt ?? 0
  const stored = await protectKeySecret(deps, secret.value, keyType, key.value.id)
  if (!stored.ok) return stored
  const changed = await storage.rotateSecret(
    key.value.id,
    { ...stored.value, overlapEndsAt, tokenSalt: random.salt(), seen: input.seen },
    createAuditEvent(deps, 'key.secret_rotated', key.value.id, { overlapEndsAt }),
  )
  if (changed) {
    const rotated = await findKeyWithSecret(deps, key.value.id, secret.value)
    const endedOverlapAt = earlierEndsAt > rotatedAt ? earlierEndsAt : null
    return rotated.ok ? ok({ ...rotated.value, endedOverlapAt }) : rotated
  }
  const now = await findKey(storage, key.value.id)
  return now.ok && now.value.status !== 'revoked' && input.seen !== undefined
    ? failConflict(`key ${key.value.publicId} was changed by another user: check it and try again`)
    : failKeyRevoked(key.value)
}

export async function findKeyWithSecret<Secret extends string | null>(
  { storage }: KeysDeps,
  id: string,
  secret: Secret,
): Promise<ServiceResult<{ key: KeySummary; secret: Secret }>> {
  const key = await findKey(storage, id)
  return key.ok ? ok({ key: key.value, secret }) : key
}

/**
 * True if another key has this secret, or had it before its rotation. Compares the digests under
 * every key of the ring, because after a rotation the same secret has another digest, which the
 * database cannot recognize.
 */
export async function isSecretTaken(
  { storage, digester, importedSecrets }: KeysDeps,
  importedSecret: string | undefined,
  keyType: KeyType,
  keyId: string,
): Promise<boolean> {
  if (importedSecret === undefined || getKeyTypeTraits(keyType).secret === 'exchanged') return false
  const importedDigests = getKeyTypeTraits(keyType).foundBySecret
    ? await importedSecrets.listDigests(importedSecret)
    : []
  const digests = [...digester.candidates(importedSecret), ...importedDigests]
  const keys = await storage.findKeysBySecret(digests)
  return keys.some(({ id }) => id !== keyId)
}

export const KEY_TAKEN_MESSAGE = 'the public id or the secret is taken: another key has it'
export const KEY_TAKEN = failConflict(KEY_TAKEN_MESSAGE)

export interface KeySecretsDeps extends Pick<OAuthClientDeps, 'canSign'> {
  readonly random: Random
  readonly hasher: SecretHasher
  readonly digester: SecretDigester
  readonly sealer: Sealer
}

/** The stored form of a secret. */
export interface StoredSecret {
  readonly hash: string
  /**
   * A keyed digest besides an argon2id hash, for secrets that cannot be guessed: see
   * `toExchangedSecretText`.
   */
  readonly digest: string | null
  readonly sealed: string | null
}

/** Validates a secret that another system issued; creates one if omitted. */
export function parseKeySecret(
  random: Random,
  supplied: string | undefined,
  keyType: KeyType,
): ServiceResult<string> {
  if (supplied === undefined) {
    return ok(getKeyTypeTraits(keyType).form === 'code' ? random.code() : random.secret())
  }
  if (supplied.length < SECRET_MIN_LENGTH || supplied.length > SECRET_MAX_LENGTH) {
    return failInvalid(
      `a secret must have ${SECRET_MIN_LENGTH} to ${SECRET_MAX_LENGTH} characters, this one has ${supplied.length}`,
      'secret',
    )
  }
  if (getKeyTypeTraits(keyType).secret === 'exchanged') {
    return /\p{Cc}/u.test(supplied) || !supplied.isWellFormed()
      ? failInvalid('a secret must be one line of text', 'secret')
      : ok(supplied)
  }
  if (!/^[\x21-\x7e]+$/.test(supplied)) {
    return failInvalid(
      'a secret that is sent in a header must be printable ASCII without blanks',
      'secret',
    )
  }
  return isDamagedSecret(supplied)
    ? failInvalid(
        'the secret begins with lk_, as secrets of Latchkey do, but its checksum is wrong',
        'secret',
      )
    : ok(supplied)
}

/** Protects a secret as its key type requires. `keyId`: the row that it is sealed for. */
export async function protectKeySecret(
  { hasher, digester, sealer }: KeySecretsDeps,
  secret: string,
  keyType: KeyType,
  keyId: string,
): Promise<ServiceResult<StoredSecret>> {
  switch (getKeyTypeTraits(keyType).secret) {
    case 'exchanged': {
      const hashed = await hasher.hash(secret)
      const digest = isLatchkeySecret(secret)
        ? digester.digest(toExchangedSecretText(keyId, secret))
        : null
      if (hashed.ok) return ok({ hash: hashed.value, digest, sealed: null })
      const { retryAfterSeconds } = toHasherBusy(hashed.failure)
      return failBusy(
        `too many secrets are checked at this moment, and nothing was changed: try again in ${retryAfterSeconds} seconds`,
        retryAfterSeconds,
      )
    }
    case 'presented':
      return ok({ hash: digester.digest(secret), digest: null, sealed: null })
    case 'viewable':
      return ok({
        hash: digester.digest(secret),
        digest: null,
        sealed: await sealText(sealer, secret, keyId),
      })
  }
}
