import { LRUCache } from 'lru-cache'
import { fail, ok, type Result } from '../domain/failure.ts'
import type { Party } from '../domain/key.ts'
import type { Portal } from '../domain/portal.ts'
import { createKeySecrets, type KeySecretsDeps } from './key-secrets.ts'
import type { Revealed } from './keys/find.ts'
import { REFERENCE_MAX } from './keys/wish.ts'
import type { Keys } from './keys.ts'
import { eventOf, readText } from './operator.ts'
import type {
  AuthorityStorage,
  Clock,
  KeyAmendment,
  KeySummary,
  OperatorStorage,
  SealedKey,
} from './ports.ts'

export interface CustomerKeysDeps extends KeySecretsDeps {
  readonly storage: OperatorStorage & Pick<AuthorityStorage, 'findKeyBySecret'>
  readonly clock: Clock
  readonly keysAs: (actor: string) => Keys
  /** The most customer keys of one developer, revoked ones included: GET /apikeys returns all at once. */
  readonly maxKeys: number
}

/** What a developer may set. What is left out stays as it is. */
export interface CustomerKeyChange {
  readonly enabled?: boolean | undefined
  readonly reference?: string | undefined
}

export type CustomerKeyRefusal =
  /** There is no such key, or it is another developer's: he is not told which. */
  | { reason: 'key_unknown' }
  | { reason: 'key_revoked' }
  /** Somebody else has disabled it, who alone can undo that. */
  | { reason: 'disabled_by_other'; by: Party }
  | { reason: 'reference_invalid'; detail: string }
  /** The owner of the developer's key may own no further one. */
  | { reason: 'owner_unfit' }
  /** The developer has the most keys that one developer may have. */
  | { reason: 'keys_exhausted'; limit: number; retryAfterSeconds: number }
  /** Too many others change it at this moment. */
  | { reason: 'contended' }

const DIALECT = 'opendental'
const PARTY: Party = 'developer'
const PAGE = 500
/** How many opened secrets stay in memory, so that a program that lists its keys often costs no decryption. */
const MAX_OPENED_SECRETS = 50_000
/** Long, because only people can make room for more keys. */
const EXHAUSTED_RETRY_SECONDS = 3600
/** Each attempt that fails is somebody else's that did not. */
const ATTEMPTS = 100

/** What a developer does with the keys of his customers. He is told their secrets as often as he asks. */
export function createCustomerKeys(deps: CustomerKeysDeps) {
  const { storage, digester, random, clock, keysAs, maxKeys } = deps
  const secrets = createKeySecrets(deps)
  /** Opened secrets by key id and sealed text, which is different after each rotation. */
  const opened = new LRUCache<string, string>({ max: MAX_OPENED_SECRETS })
  const exhausted = fail({
    reason: 'keys_exhausted',
    limit: maxKeys,
    retryAfterSeconds: EXHAUSTED_RETRY_SECONDS,
  } as const)

  return {
    /**
     * All of them, the oldest first. It is one event, whose subject is the developer: a program that
     * asks every minute would bury all else under an event for each key, and which keys it was shown is
     * known from those that were created until then.
     */
    async list({ keyId, developerId }: Portal): Promise<readonly Revealed[]> {
      const found = await readAll(developerId)
      const actor = { random, clock, actor: keyId }
      await storage.addEvent(eventOf(actor, 'keys.viewed', developerId, { keys: found.length }))
      return found
    },

    /** Of the same owner as the developer's key. */
    async create({
      keyId,
      ownerId,
      developerId,
    }: Portal): Promise<Result<Revealed, CustomerKeyRefusal>> {
      const keys = keysAs(keyId)
      const isExhausted = async () =>
        (await keys.count({ developerId, dialect: DIALECT }, maxKeys)) >= maxKeys
      // Refuses without a write, which would have every server read its keys anew.
      if (await isExhausted()) return exhausted
      const made = await keys.create({
        dialect: DIALECT,
        ownerId,
        developerId,
        name: 'Customer key',
        maxDeveloperKeys: maxKeys,
      })
      if (made.ok) return made
      return (await isExhausted()) ? exhausted : fail({ reason: 'owner_unfit' })
    },

    /** Both changes or none, whoever else changes the key at the same time. */
    async update(
      portal: Portal,
      secret: string,
      change: CustomerKeyChange,
    ): Promise<Result<Revealed, CustomerKeyRefusal>> {
      const reference = readText('it', change.reference ?? '', REFERENCE_MAX)
      if (!reference.ok) {
        return fail({ reason: 'reference_invalid', detail: reference.failure.message })
      }
      const id = await find(portal.developerId, secret)
      if (id === null) return unknown

      for (let n = 0; n < ATTEMPTS; n++) {
        const key = await storage.findKeySummary(id)
        if (key === null) return unknown
        const refusal = whyNot(key, change)
        if (refusal !== null) return fail(refusal)
        const now = clock()
        const to: KeyAmendment = {
          disabled: disabledOf(key, change, now),
          reference: change.reference === undefined ? key.reference : reference.value,
        }
        const { action, facts } = eventFor(key, to)
        if (action === null) return ok({ key, secret })
        const event = eventOf({ random, clock: () => now, actor: portal.keyId }, action, id, facts)
        if (await storage.amendKey(id, to, key.eventId, event)) {
          return ok({ key: amended(key, to, event.id), secret })
        }
      }
      return fail({ reason: 'contended' })
    },
  }

  /** Opens each page before it reads the next one, so that other requests get a turn. */
  async function readAll(developerId: string): Promise<Revealed[]> {
    const found: Revealed[] = []
    let page: SealedKey[]
    do {
      const after = found.at(-1)?.key.id
      page = await storage.listSealedKeys({ dialect: DIALECT, developerId, after, limit: PAGE })
      found.push(...(await Promise.all(page.map(open))))
    } while (page.length === PAGE)
    return found
  }

  async function open({ key, sealedSecret }: SealedKey): Promise<Revealed> {
    if (sealedSecret === null) throw new Error(`key ${key.id} was not sealed`)
    // The sealed text is bound to its key, so a text that was moved to another row must not open.
    const name = `${key.id} ${sealedSecret}`
    const secret = opened.get(name) ?? (await secrets.open(sealedSecret, key.id))
    opened.set(name, secret)
    return { key, secret }
  }

  /** The row of the developer's key that has this secret now. */
  async function find(developerId: string, secret: string): Promise<string | null> {
    for (const digest of digester.candidates(secret)) {
      const key = await storage.findKeyBySecret(digest)
      const isIts = key?.dialect === DIALECT && key.developer?.id === developerId
      if (isIts && key.secretHash === digest) return key.id
    }
    return null
  }
}

const unknown = fail({ reason: 'key_unknown' } as const)

function whyNot(key: KeySummary, { enabled }: CustomerKeyChange): CustomerKeyRefusal | null {
  if (key.status === 'revoked') return { reason: 'key_revoked' }
  const { disabledBy } = key
  return enabled === undefined || disabledBy === null || disabledBy === PARTY
    ? null
    : { reason: 'disabled_by_other', by: disabledBy }
}

/** Who disables what is disabled already does not set its date anew. */
function disabledOf(
  { disabledBy, disabledAt }: KeySummary,
  { enabled }: CustomerKeyChange,
  now: number,
): KeyAmendment['disabled'] {
  if (enabled === true) return null
  const before = disabledBy === null ? null : { by: disabledBy, at: disabledAt ?? now }
  return enabled === false ? (before ?? { by: PARTY, at: now }) : before
}

/** What the audit is to say; nothing where all is as it was. */
function eventFor({ disabledBy, reference }: KeySummary, to: KeyAmendment) {
  const isDisabled = to.disabled !== null
  const described = to.reference === reference ? {} : { reference: to.reference }
  if (isDisabled !== (disabledBy !== null)) {
    const action = isDisabled ? 'key.disabled' : 'key.enabled'
    return { action, facts: { by: PARTY, ...described } }
  }
  return { action: to.reference === reference ? null : 'key.edited', facts: described }
}

/** As it was left by this change, whatever comes after. */
const amended = (key: KeySummary, { disabled, reference }: KeyAmendment, eventId: string) =>
  ({
    ...key,
    status: disabled === null ? 'enabled' : 'disabled',
    disabledBy: disabled?.by ?? null,
    disabledAt: disabled?.at ?? null,
    reference,
    eventId,
  }) satisfies KeySummary

export type CustomerKeys = ReturnType<typeof createCustomerKeys>
