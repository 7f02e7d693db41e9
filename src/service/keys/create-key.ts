import { ok } from '../../domain/failure.ts'
import { toStoredId } from '../../domain/id.ts'
import { isPublicId } from '../../domain/key.ts'
import { hasSecret, type OAuthClientSettings } from '../../domain/oauth-client.ts'
import { createAuditEvent } from '../audit/audit-event.ts'
import { parseId } from '../input.ts'
import type { AuditEventFacts } from '../ports/audit.ts'
import type { NewKey } from '../ports/keys.ts'
import { failConflict, failInvalid, type ServiceResult } from '../service-result.ts'
import {
  type CreatedKey,
  type CreateKeyInput,
  findKey,
  findKeyOwner,
  omitEmpty,
  parseAccessLevel,
  parseKeyOwnership,
  parseKeyTexts,
} from './input.ts'
import { failWithoutClient, parseOAuthClientInput, toClientFacts } from './oauth-client.ts'
import {
  findKeyWithSecret,
  isSecretTaken,
  KEY_TAKEN,
  KEY_TAKEN_MESSAGE,
  type KeysDeps,
  parseKeySecret,
  protectKeySecret,
} from './secrets.ts'

/** Creates a key. Only OAuth clients may have no secret. */
export async function createKey(
  deps: KeysDeps,
  input: CreateKeyInput,
): Promise<ServiceResult<CreatedKey>> {
  const { storage, random, clock } = deps
  if (input.expiresAt !== undefined && input.expiresAt <= clock()) {
    return failInvalid('the expiry must be in the future', 'expiresAt')
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
  deps: Pick<KeysDeps, 'storage' | 'random' | 'clock' | 'canGrant' | 'canSign'>,
  input: Omit<CreateKeyInput, 'secret'>,
): Promise<ServiceResult<NewKeyWithoutSecret>> {
  const { storage, random, clock } = deps
  const texts = parseKeyTexts(input)
  if (!texts.ok) return texts
  const publicId = input.publicId === undefined ? random.uuid() : toStoredId(input.publicId)
  if (!isPublicId(publicId)) {
    return failInvalid(
      'the public id must be 1 to 128 printable ASCII characters without blanks',
      'publicId',
    )
  }
  if (input.keyType === 'xdent' && publicId.includes('.')) {
    return failInvalid(
      'the public id must not contain a dot, because the first dot ends it in a request',
      'publicId',
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
  deps: Pick<KeysDeps, 'storage' | 'canGrant' | 'canSign'>,
  { keyType, oauthClient }: Omit<CreateKeyInput, 'secret'>,
  accountId: string,
): Promise<ServiceResult<OAuthClientSettings | null>> {
  if (keyType === 'oauth') return parseOAuthClientInput(deps, oauthClient ?? {}, accountId, null)
  return oauthClient === undefined ? ok(null) : failWithoutClient(keyType, oauthClient)
}

/** Parses or creates the secret; null for a client that signs assertions instead. */
function parseNewSecret(
  { random }: KeysDeps,
  { secret, keyType }: CreateKeyInput,
  client: OAuthClientSettings | null,
): ServiceResult<string | null> {
  if (hasSecret({ oauthClient: client })) return parseKeySecret(random, secret, keyType)
  return secret === undefined
    ? ok(null)
    : failInvalid('a client that authenticates by private_key_jwt has no secret', 'secret')
}
