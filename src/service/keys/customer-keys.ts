import { LRUCache } from 'lru-cache'
import { fail, KEY_UNKNOWN, ok, type Result } from '../../domain/failure.ts'
import type { DeveloperPortal, DisablingParty } from '../../domain/key.ts'
import { limitEntries } from '../../domain/limits.ts'
import type { ManagementStorage } from '../account-scope.ts'
import { createAuditEvent } from '../audit/audit-event.ts'
import { parseText } from '../input.ts'
import { openText, type SecretDigester } from '../ports/crypto.ts'
import type { KeyAmendment, KeySummary, SealedKey } from '../ports/keys.ts'
import type { Clock } from '../ports/runtime.ts'
import { type KeyWithSecret, MAX_REFERENCE_LENGTH } from './input.ts'
import type { Keys } from './keys.ts'
import type { KeySecretsDeps } from './secrets.ts'

export interface CustomerKeysDeps extends KeySecretsDeps {
  readonly storage: ManagementStorage
  readonly clock: Clock
  readonly createKeysFor: (actor: string) => Keys
  /**
   * The maximum number of customer keys of one developer, including revoked ones: GET /apikeys returns
   * all at once.
   */
  readonly maxKeys: number
}

/** The fields that a developer may set. Omitted fields stay unchanged. */
export interface CustomerKeyChange {
  readonly enabled?: boolean | undefined
  readonly reference?: string | undefined
}

export type CustomerKeyRefusal =
  /** The key does not exist, or is another developer's. The response does not tell which. */
  | { reason: 'key_unknown' }
  | { reason: 'key_revoked' }
  /** Another party disabled the key, and only that party can enable it. */
  | { reason: 'disabled_by_other'; by: DisablingParty }
  | { reason: 'reference_invalid'; detail: string }
  /** The owner of the developer's key may not own another key. */
  | { reason: 'owner_unfit' }
  /** The developer has the maximum number of keys. */
  | { reason: 'keys_exhausted'; limit: number; retryAfterSeconds: number }
  /** Too many concurrent requests change the key. */
  | { reason: 'contended' }

const CUSTOMER_KEY_TYPE = 'opendental'
const DEVELOPER_PARTY: DisablingParty = 'developer'
const KEYS_PER_READ = 500
/** The number of decrypted secrets that are cached, so that frequent listing needs no decryption. */
const MAX_CACHED_SECRETS = 50_000
/** Long, because only a person can make room for more keys. */
const KEYS_EXHAUSTED_RETRY_SECONDS = 3600
/** Each failed attempt means that a concurrent change succeeded. */
const MAX_AMEND_ATTEMPTS = 100

/** Lists, creates and updates the customer keys of a developer. Their secrets are returned every time. */
export function createCustomerKeys(deps: CustomerKeysDeps) {
  const { storage, random, clock, createKeysFor, maxKeys } = deps
  /** Opened secrets by key id and sealed text, which is different after each rotation. */
  const secretCache = new LRUCache<string, string>(limitEntries(MAX_CACHED_SECRETS))
  const exhausted = fail({
    reason: 'keys_exhausted',
    limit: maxKeys,
    retryAfterSeconds: KEYS_EXHAUSTED_RETRY_SECONDS,
  } as const)

  return {
    /**
     * Lists all customer keys, the oldest first. Records one event for the developer: with one event
     * per key, a program that polls every minute would flood the audit. The listed keys follow from
     * those created until then.
     */
    async list({ keyId, developerId }: DeveloperPortal): Promise<readonly KeyWithSecret[]> {
      const customerKeys = await readAll(developerId)
      const actor = { random, clock, actor: keyId }
      await storage.addEvent(
        createAuditEvent(actor, 'keys.viewed', developerId, { keys: customerKeys.length }),
      )
      return customerKeys
    },

    /** Creates a key with the same owner as the developer's key. */
    async create({
      keyId,
      ownerId,
      developerId,
    }: DeveloperPortal): Promise<Result<KeyWithSecret, CustomerKeyRefusal>> {
      const keys = createKeysFor(keyId)
      const isExhausted = async () =>
        (await keys.count({ developerId, keyType: CUSTOMER_KEY_TYPE }, maxKeys)) >= maxKeys
      // Refuses before any write, because a write would make every server read its keys again.
      if (await isExhausted()) return exhausted
      const created = await keys.create({
        keyType: CUSTOMER_KEY_TYPE,
        ownerId,
        developerId,
        name: 'Customer key',
        maxDeveloperKeys: maxKeys,
      })
      if (created.ok) return created
      return (await isExhausted()) ? exhausted : fail({ reason: 'owner_unfit' })
    },

    update: (portal: DeveloperPortal, secret: string, change: CustomerKeyChange) =>
      updateCustomerKey(deps, portal, secret, change),
  }

  /** Opens each page before it reads the next one, so that other requests get a turn. */
  async function readAll(developerId: string): Promise<KeyWithSecret[]> {
    const customerKeys: KeyWithSecret[] = []
    let page: SealedKey[]
    do {
      const after = customerKeys.at(-1)?.key.id
      page = await storage.listSealedKeys({
        keyType: CUSTOMER_KEY_TYPE,
        developerId,
        after,
        limit: KEYS_PER_READ,
      })
      customerKeys.push(...(await Promise.all(page.map(openSecret))))
    } while (page.length === KEYS_PER_READ)
    return customerKeys
  }

  async function openSecret({ key, sealedSecret }: SealedKey): Promise<KeyWithSecret> {
    if (sealedSecret === null) throw new Error(`key ${key.id} was not sealed`)
    // The key id is part of the name, because a sealed text that was moved to another row must not
    // open.
    const name = `${key.id} ${sealedSecret}`
    const secret = secretCache.get(name) ?? (await openText(deps.sealer, sealedSecret, key.id))
    secretCache.set(name, secret)
    return { key, secret }
  }
}

/** Applies both changes or none, even if others change the key at the same time. */
async function updateCustomerKey(
  { storage, digester, random, clock }: CustomerKeysDeps,
  portal: DeveloperPortal,
  secret: string,
  change: CustomerKeyChange,
): Promise<Result<KeyWithSecret, CustomerKeyRefusal>> {
  const reference = parseText('it', change.reference ?? '', MAX_REFERENCE_LENGTH)
  if (!reference.ok) {
    return fail({ reason: 'reference_invalid', detail: reference.failure.message })
  }
  const id = await findKeyIdBySecret(storage, digester, portal.developerId, secret)
  if (id === null) return KEY_UNKNOWN

  for (let n = 0; n < MAX_AMEND_ATTEMPTS; n++) {
    const key = await storage.findKeySummary(id)
    if (key === null) return KEY_UNKNOWN
    const refusal = findRefusal(key, change)
    if (refusal !== null) return fail(refusal)
    const now = clock()
    const amendment: KeyAmendment = {
      disabled: decideDisabled(key, change, now),
      reference: change.reference === undefined ? key.reference : reference.value,
    }
    const { action, facts } = decideEvent(key, amendment)
    if (action === null) return ok({ key, secret })
    const event = createAuditEvent(
      { random, clock: () => now, actor: portal.keyId },
      action,
      id,
      facts,
    )
    if (await storage.amendKey(id, amendment, key.eventId, event)) {
      return ok({ key: applyAmendment(key, amendment, event.id), secret })
    }
  }
  return fail({ reason: 'contended' })
}

/** Finds the row id of the developer's key that has this secret now. */
async function findKeyIdBySecret(
  storage: ManagementStorage,
  digester: SecretDigester,
  developerId: string,
  secret: string,
): Promise<string | null> {
  const digests = [...digester.candidates(secret)]
  const keys = await storage.findKeysBySecret(digests)
  const ownKey = keys.find(
    ({ keyType, developer, secretHash }) =>
      keyType === CUSTOMER_KEY_TYPE &&
      developer?.id === developerId &&
      secretHash !== null &&
      digests.includes(secretHash),
  )
  return ownKey?.id ?? null
}

function findRefusal(key: KeySummary, { enabled }: CustomerKeyChange): CustomerKeyRefusal | null {
  if (key.status === 'revoked') return { reason: 'key_revoked' }
  const { disabledBy } = key
  return enabled === undefined || disabledBy === null || disabledBy === DEVELOPER_PARTY
    ? null
    : { reason: 'disabled_by_other', by: disabledBy }
}

/** Keeps the date if the key is already disabled. */
function decideDisabled(
  { disabledBy, disabledAt }: KeySummary,
  { enabled }: CustomerKeyChange,
  now: number,
): KeyAmendment['disabled'] {
  if (enabled === true) return null
  const before = disabledBy === null ? null : { by: disabledBy, at: disabledAt ?? now }
  return enabled === false ? (before ?? { by: DEVELOPER_PARTY, at: now }) : before
}

/** Returns the audit event of an amendment. `action` is null if nothing changes. */
function decideEvent({ disabledBy, reference }: KeySummary, to: KeyAmendment) {
  const isDisabled = to.disabled !== null
  const referenceFact = to.reference === reference ? {} : { reference: to.reference }
  if (isDisabled !== (disabledBy !== null)) {
    const action = isDisabled ? 'key.disabled' : 'key.enabled'
    return { action, facts: { by: DEVELOPER_PARTY, ...referenceFact } }
  }
  return { action: to.reference === reference ? null : 'key.edited', facts: referenceFact }
}

/** Returns the key as of this change, without later ones. */
const applyAmendment = (key: KeySummary, { disabled, reference }: KeyAmendment, eventId: string) =>
  ({
    ...key,
    status: disabled === null ? 'enabled' : 'disabled',
    disabledBy: disabled?.by ?? null,
    disabledAt: disabled?.at ?? null,
    reference,
    eventId,
  }) satisfies KeySummary

export type CustomerKeys = ReturnType<typeof createCustomerKeys>
