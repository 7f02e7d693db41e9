import { ok } from '../../domain/failure.ts'
import { toStoredId } from '../../domain/id.ts'
import { isPublicId, SECRET_MAX_LENGTH, SECRET_MIN_LENGTH } from '../../domain/key.ts'
import { getKeyTypeTraits, type KeyType } from '../../domain/key-type.ts'
import { hasSecret, type OAuthClientSettings } from '../../domain/oauth-client.ts'
import { isDamagedSecret, isLatchkeySecret, toExchangedSecretText } from '../../domain/secret.ts'
import type { ManagementDeps } from '../account-scope.ts'
import type { ImportedSecrets } from '../authenticate/imported-secrets.ts'
import type { AuditEventFacts } from '../ports/audit.ts'
import {
  openText,
  type Sealer,
  type SecretDigester,
  type SecretHasher,
  sealText,
} from '../ports/crypto.ts'
import type { KeySummary, NewKey } from '../ports/keys.ts'
import type { Random } from '../ports/runtime.ts'
import {
  createAuditEvent,
  failBusy,
  failConflict,
  failInvalid,
  parseId,
  type ServiceResult,
} from '../service-result.ts'
import { toHasherBusy } from '../sign-in/context.ts'
import {
  type CreatedKey,
  type CreateKeyInput,
  failKeyRevoked,
  findKey,
  findKeyOwner,
  type KeyWithSecret,
  omitEmpty,
  parseAccessLevel,
  parseKeyOwnership,
  parseKeyTexts,
} from './input.ts'
import {
  type OAuthClientDeps,
  parseOAuthClientInput,
  requireGrantable,
  toClientFacts,
} from './oauth-client.ts'

export interface KeyCreationDeps
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

/** Creates keys, and shows and rotates their secrets. */
export const createKeyCreation = (deps: KeyCreationDeps) => ({
  create: <Type extends KeyType>(input: CreateKeyInput & { readonly keyType: Type }) =>
    // Only OAuth clients may have no secret.
    createKey(deps, input) as Promise<ServiceResult<CreatedKey<Type>>>,
  viewSecret: (id: string) => viewKeySecret(deps, id),
  rotateSecret: (id: string, input: RotateSecretInput) => rotateKeySecret(deps, id, input),
})

async function createKey(
  deps: KeyCreationDeps,
  input: CreateKeyInput,
): Promise<ServiceResult<CreatedKey>> {
  const { storage, random, clock } = deps
  if (input.expiresAt !== undefined && input.expiresAt <= clock()) {
    return failInvalid('the expiry must be in the future')
  }
  const parsed = await parseNewKey(deps, input)
  if (!parsed.ok) return parsed
  const key = parsed.value
  const { id, publicId } = key
  const secret = parseNewSecret(deps, input, key.oauthClient)
  if (!secret.ok) return secret
  if (await isSecretTaken(deps, input.secret, input.keyType, id)) return KEY_TAKEN

  const stored =
    secret.value === null
      ? ok(NO_SECRET)
      : await protectKeySecret(deps, secret.value, input.keyType, id)
  if (!stored.ok) return stored
  const { hash, digest, sealed } = stored.value
  const added = await storage.addKey(
    {
      ...key,
      secretHash: hash,
      secretDigest: digest,
      sealedSecret: sealed,
      tokenSalt: random.salt(),
    },
    createAuditEvent(deps, 'key.created', id, toNewKeyFacts(key)),
    input.maxDeveloperKeys,
  )
  if (!added) {
    if (input.id !== undefined && (await findKey(storage, id)).ok) {
      return failConflict(`key ${id} already exists: its secret is not shown again`)
    }
    return failConflict(
      input.sourceId === undefined
        ? KEY_TAKEN_MESSAGE
        : `source ${input.sourceId} has a key already, or the public id ${publicId} is taken: ` +
            'revoke that key first, or create another source',
    )
  }
  return findKeyWithSecret(deps, id, secret.value)
}

/** A key without its secret. */
export type NewKeyWithoutSecret = Omit<
  NewKey,
  'secretHash' | 'secretDigest' | 'sealedSecret' | 'tokenSalt'
>

/** Validates a new key by the rules that hold for every key, created here or imported. */
export async function parseNewKey(
  deps: Pick<KeyCreationDeps, 'storage' | 'random' | 'clock' | 'canGrant' | 'canSign'>,
  input: Omit<CreateKeyInput, 'secret'>,
): Promise<ServiceResult<NewKeyWithoutSecret>> {
  const { storage, random, clock } = deps
  const texts = parseKeyTexts(input)
  if (!texts.ok) return texts
  const publicId = input.publicId === undefined ? random.uuid() : toStoredId(input.publicId)
  if (!isPublicId(publicId)) {
    return failInvalid('the public id must be 1 to 128 printable ASCII characters without blanks')
  }
  if (input.keyType === 'xdent' && publicId.includes('.')) {
    return failInvalid(
      'the public id must not contain a dot, because the first dot ends it in a request',
    )
  }
  const access = parseAccessLevel(input.access ?? 'standard', input.keyType)
  if (!access.ok) return access
  const owner = await findKeyOwner(storage, input.ownerId)
  if (!owner.ok) return owner
  const ownership = await parseKeyOwnership(storage, input, owner.value)
  if (!ownership.ok) return ownership
  const client = await parseNewClient(deps, input, owner.value.accountId)
  if (!client.ok) return client
  const id = parseId(input.id, random)
  if (!id.ok) return id
  return ok({
    id: id.value,
    accountId: owner.value.accountId,
    ownerId: owner.value.id,
    keyType: input.keyType,
    ...ownership.value,
    ...texts.value,
    publicId,
    access: access.value,
    createdAt: clock(),
    expiresAt: input.expiresAt ?? null,
    oauthClient: client.value,
  })
}

/** The facts of a new key for the audit. */
export const toNewKeyFacts = (key: NewKeyWithoutSecret): AuditEventFacts => ({
  keyType: key.keyType,
  publicId: key.publicId,
  ownerId: key.ownerId,
  ...omitEmpty({ sourceId: key.sourceId, siteId: key.siteId, developerId: key.developerId }),
  ...(key.oauthClient !== null && toClientFacts(key.oauthClient)),
})

const NO_SECRET = { hash: null, digest: null, sealed: null }

/** Validates the settings of a new OAuth client; null for other key types. */
async function parseNewClient(
  deps: Pick<KeyCreationDeps, 'storage' | 'canGrant' | 'canSign'>,
  { keyType, oauthClient }: Omit<CreateKeyInput, 'secret'>,
  accountId: string,
): Promise<ServiceResult<OAuthClientSettings | null>> {
  if (keyType === 'oauth') return parseOAuthClientInput(deps, oauthClient ?? {}, accountId, null)
  return oauthClient === undefined
    ? ok(null)
    : failInvalid(`keys of this type (${keyType}) have no settings of an OAuth client`)
}

/** Parses or creates the secret; null for a client that signs assertions instead. */
function parseNewSecret(
  { random }: KeyCreationDeps,
  { secret, keyType }: CreateKeyInput,
  client: OAuthClientSettings | null,
): ServiceResult<string | null> {
  if (hasSecret({ oauthClient: client })) return parseKeySecret(random, secret, keyType)
  return secret === undefined
    ? ok(null)
    : failInvalid('a client that authenticates by private_key_jwt has no secret')
}

/** Returns the secret again, if the key type allows that. Each view is an audit event. */
async function viewKeySecret(
  { storage, sealer, ...deps }: KeyCreationDeps,
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
async function rotateKeySecret(
  deps: KeyCreationDeps,
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

async function findKeyWithSecret<Secret extends string | null>(
  { storage }: KeyCreationDeps,
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
async function isSecretTaken(
  { storage, digester, importedSecrets }: KeyCreationDeps,
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

const KEY_TAKEN_MESSAGE = 'the public id or the secret is taken: another key has it'
const KEY_TAKEN = failConflict(KEY_TAKEN_MESSAGE)

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
    )
  }
  if (getKeyTypeTraits(keyType).secret === 'exchanged') {
    return /\p{Cc}/u.test(supplied) || !supplied.isWellFormed()
      ? failInvalid('a secret must be one line of text')
      : ok(supplied)
  }
  if (!/^[\x21-\x7e]+$/.test(supplied)) {
    return failInvalid('a secret that is sent in a header must be printable ASCII without blanks')
  }
  return isDamagedSecret(supplied)
    ? failInvalid(
        'the secret begins with lk_, as secrets of Latchkey do, but its checksum is wrong',
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
