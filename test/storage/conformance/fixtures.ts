import { expect } from 'vitest'
import { createRandom } from '../../../src/crypto/secrets.ts'
import type { DisablingParty, Key } from '../../../src/domain/key.ts'
import type { KeyType } from '../../../src/domain/key-type.ts'
import { nodePrimitives } from '../../../src/node/primitives.ts'
import type {
  Account,
  AllowlistEntry,
  Developer,
  Site,
  User,
} from '../../../src/service/ports/accounts.ts'
import type { AuditEvent, RecordedEvent } from '../../../src/service/ports/audit.ts'
import type { VersionedKey } from '../../../src/service/ports/authority.ts'
import type { NewImport } from '../../../src/service/ports/imports.ts'
import type { KeyEdit, NewKey } from '../../../src/service/ports/keys.ts'
import type { NewMessage } from '../../../src/service/ports/messages.ts'
import type {
  DestinationSummary,
  NewDestination,
  NewSubscription,
  Source,
} from '../../../src/service/ports/routing.ts'
import type { Storage } from '../../../src/service/ports/storage.ts'
import type { StoredSunset } from '../../../src/service/ports/sunsets.ts'
import type { Engine } from '../../../src/storage/engine.ts'

/** UUIDv7s, each greater than the one before, as the server makes them. */
export const createUuid = createRandom(nodePrimitives, Date.now).uuid

export const MAX_INTEGER = Number.MAX_SAFE_INTEGER
/** Text that a careless driver, collation or column type would change. */
export const TRICKY_TEXTS = [
  '',
  '🏥 Ünïcode — «ﷺ»',
  'it\'s "quoted"; DROP TABLE keys; -- \\',
  ' \tblank\n ',
  '%_*',
]

export const runConcurrently = <T>(act: (n: number) => Promise<T>) =>
  Promise.all(Array.from({ length: 20 }, (_, n) => act(n)))
export const countTrue = (answers: readonly boolean[]) => answers.filter(Boolean).length

export const createTestEvent = (subject: string, more: Partial<AuditEvent> = {}): AuditEvent => ({
  id: createUuid(),
  at: 1_000,
  actor: 'operator',
  action: 'test.done',
  subject,
  facts: {},
  requestId: null,
  ...more,
})

/** Removes the account id, which storage adds to an event. */
export const toAuditEvent = ({ accountId, ...event }: RecordedEvent): AuditEvent => event

type KeyWithHash = NewKey & { readonly secretHash: string }

/** A key of the type that is exchanged for tokens, and of its source. */
export const createTestKey = (
  owner: User,
  sourceId: string,
  more: Partial<KeyWithHash> = {},
): KeyWithHash => {
  const id = createUuid()
  return {
    id,
    accountId: owner.accountId,
    ownerId: owner.id,
    keyType: 'redox',
    sourceId,
    siteId: null,
    developerId: null,
    name: 'nightly job',
    description: 'what it is for',
    reference: 'PO-17',
    publicId: `public-${id}`,
    access: 'standard',
    secretHash: '$argon2id$one',
    secretDigest: null,
    sealedSecret: null,
    tokenSalt: 'salt-one',
    createdAt: 1,
    expiresAt: null,
    oauthClient: null,
    ...more,
  }
}

/** A key whose secret is presented at every request: it belongs to no source. */
export const createStaticKey = (
  owner: User,
  keyType: KeyType = 'xdent',
  more: Partial<KeyWithHash> = {},
): KeyWithHash => ({
  ...createTestKey(owner, ''),
  keyType,
  sourceId: null,
  secretHash: `hmac.1.${createUuid()}`,
  ...more,
})

export const ALL_PARTIES: readonly DisablingParty[] = ['developer', 'customer', 'operator']

/** An edit that changes everything. */
export const createKeyEdit = (ownerId: string, more: Partial<KeyEdit> = {}): KeyEdit => ({
  name: 'edited',
  description: 'edited',
  reference: 'edited',
  ownerId,
  access: 'read',
  expiresAt: MAX_INTEGER,
  oauthClient: null,
  ...more,
})

export const createRotation = (grantId: string, to: number, more: object = {}) => ({
  grantId,
  keyId: 'key-1',
  to,
  rotatedAt: 2_000,
  expiresAt: MAX_INTEGER,
  ...more,
})

export const createGrantRevocation = (grantId: string, revokedAt: number) => ({
  grantId,
  keyId: 'key-1',
  generation: 1,
  revokedAt,
  expiresAt: MAX_INTEGER,
})

/**
 * Adds rows to the one database of all tests: each test has accounts of its own.
 */
export class StorageFixture {
  readonly #open: () => { engine: Engine; storage: Storage }

  constructor(open: () => { engine: Engine; storage: Storage }) {
    this.#open = open
  }

  get storage(): Storage {
    return this.#open().storage
  }

  get engine(): Engine {
    return this.#open().engine
  }

  /** Creates a grant whose row has this generation, and returns its id. */
  readonly rotateNewGrant = async (generation = 1, more: object = {}): Promise<string> => {
    const id = createUuid()
    expect(await this.storage.rotateGrant(createRotation(id, generation, more))).toBe(true)
    return id
  }

  readonly addAccount = async (more: Partial<Account> = {}): Promise<Account> => {
    const row: Account = {
      id: createUuid(),
      name: 'Acme',
      region: 'us',
      status: 'open',
      createdAt: 1,
      offboardingPolicy: 'keep',
      ipAllowlistEnforced: false,
      ...more,
    }
    expect(await this.storage.addAccount(row, createTestEvent(row.id))).toBe(true)
    return row
  }

  readonly addUser = async (accountId: string, more: Partial<User> = {}): Promise<User> => {
    const id = createUuid()
    const row: User = {
      id,
      accountId,
      email: `${id}@acme.example`,
      role: 'engineer',
      createdAt: 1,
      username: null,
      deactivatedAt: null,
      ...more,
    }
    expect(await this.storage.addUser(row, createTestEvent(row.id))).toBe(true)
    return row
  }

  readonly addSource = async (accountId: string, more: Partial<Source> = {}): Promise<Source> => {
    const row: Source = { id: createUuid(), accountId, name: 'Source', createdAt: 1, ...more }
    expect(await this.storage.addSource(row, createTestEvent(row.id))).toBe(true)
    return row
  }

  readonly addSite = async (accountId: string, more: Partial<Site> = {}): Promise<Site> => {
    const row: Site = { id: createUuid(), accountId, name: 'Site', createdAt: 1, ...more }
    expect(await this.storage.addSite(row, createTestEvent(row.id))).toBe(true)
    return row
  }

  readonly addDeveloper = async (
    accountId: string,
    more: Partial<Developer> = {},
  ): Promise<Developer> => {
    const id = createUuid()
    const developerKey = `developer-${id}`
    const row: Developer = { id, accountId, name: 'Dev', developerKey, createdAt: 1, ...more }
    expect(await this.storage.addDeveloper(row, createTestEvent(row.id))).toBe(true)
    return row
  }

  readonly addAllowlistEntry = async (
    accountId: string,
    network: string,
    more: Partial<AllowlistEntry> = {},
  ): Promise<AllowlistEntry> => {
    const row: AllowlistEntry = {
      id: createUuid(),
      accountId,
      network,
      note: '',
      createdAt: 1,
      ...more,
    }
    expect(await this.storage.addAllowlistEntry(row, createTestEvent(row.id))).toBe(true)
    return row
  }

  readonly addSunset = async (
    accountId: string,
    more: Partial<StoredSunset> = {},
  ): Promise<StoredSunset> => {
    const row: StoredSunset = {
      id: createUuid(),
      accountId,
      keyType: 'redox',
      sourceId: null,
      siteId: null,
      deprecatedAt: 1,
      sunsetAt: MAX_INTEGER,
      documentationUrl: 'https://clinic.example/move?to=oauth',
      brownouts: [
        { startsAt: 1, endsAt: 2 },
        { startsAt: 5, endsAt: MAX_INTEGER },
      ],
      createdAt: 1,
      ...more,
    }
    expect(await this.storage.addSunset(row, createTestEvent(row.id))).toBe(true)
    return row
  }

  readonly addImport = async (
    accountId: string,
    more: Partial<NewImport> = {},
  ): Promise<NewImport> => {
    const row: NewImport = {
      id: createUuid(),
      accountId,
      fileName: 'keys.csv',
      fileDigest: null,
      status: 'unfinished',
      imported: 0,
      present: 0,
      different: 0,
      invalid: 0,
      createdAt: 1,
      finishedAt: null,
      undoneAt: null,
      ...more,
    }
    expect(await this.storage.addImport(row, createTestEvent(row.id))).toBe(true)
    return row
  }

  readonly addDestination = async (
    accountId: string,
    { sealedToken = null, ...more }: Partial<NewDestination> = {},
  ): Promise<DestinationSummary> => {
    const row = {
      id: createUuid(),
      accountId,
      name: 'EMR',
      url: null,
      development: false,
      verifiedAt: null,
      method: 'POST' as const,
      createdAt: 1,
      ...more,
    }
    const added = await this.storage.addDestination(
      { ...row, sealedToken },
      createTestEvent(row.id),
    )
    expect(added).toBe(true)
    return { ...row, hasToken: sealedToken !== null }
  }

  readonly addSubscription = async (
    sourceId: string,
    destinationId: string,
    more: Partial<NewSubscription> = {},
  ): Promise<NewSubscription> => {
    const row: NewSubscription = {
      id: createUuid(),
      sourceId,
      destinationId,
      dataModel: null,
      status: 'active',
      createdAt: 1,
      ...more,
    }
    expect(await this.storage.addSubscription(row, createTestEvent(row.id))).toBe(true)
    return row
  }

  /** An account with an engineer, a source and a key. */
  readonly addTenant = async (more: Partial<KeyWithHash> = {}) => {
    const { id: accountId } = await this.addAccount()
    const owner = await this.addUser(accountId)
    const { id: sourceId } = await this.addSource(accountId)
    const addKey = await this.addKey(createTestKey(owner, sourceId, more))
    return { accountId, owner, sourceId, addKey }
  }

  readonly addKey = async <Key extends NewKey>(addKey: Key): Promise<Key> => {
    expect(await this.storage.addKey(addKey, createTestEvent(addKey.id))).toBe(true)
    return addKey
  }

  readonly findKeyBySecret = async (digest: string): Promise<VersionedKey | null> =>
    (await this.storage.findKeysBySecret([digest]))[0] ?? null

  readonly addMessage = async (
    { addKey, sourceId }: { addKey: NewKey; sourceId: string },
    hops: readonly NewSubscription[],
    more: Partial<NewMessage> = {},
  ): Promise<NewMessage> => {
    const row: NewMessage = {
      id: createUuid(),
      serial: 7,
      keyId: addKey.id,
      sourceId,
      dataModel: 'Device',
      eventType: 'New',
      test: false,
      sealedPayload: 'sealed',
      payloadPartCount: 0,
      receivedAt: 1,
      deliveries: hops.map((hop) => ({
        id: createUuid(),
        attemptId: createUuid(),
        subscriptionId: hop.id,
        destinationId: hop.destinationId,
      })),
      ...more,
    }
    await this.storage.addMessage(row)
    return row
  }

  /** The events of a subject, the newest first, as they were written. */
  readonly listEvents = async (subject: string): Promise<AuditEvent[]> =>
    (await this.storage.listEvents({ subject, limit: 100 })).map(toAuditEvent)

  /** A key as it is judged, without the authority's version: that may be raised for nothing. */
  readonly findKeyWithRouting = async (publicId: string): Promise<Key | null> => {
    const found = await this.storage.findKey(publicId)
    if (found === null) return null
    const { authorityVersion, provenHash, ...addKey } = found
    return addKey
  }

  /** A change whose guard does not hold: false, no event, and what was there before is still there. */
  readonly expectRefused = async (
    act: (event: AuditEvent) => Promise<boolean>,
    subject: string,
    look: () => unknown = () => null,
  ): Promise<void> => {
    const [before, events] = [await look(), await this.listEvents(subject)]
    expect(await act(createTestEvent(subject))).toBe(false)
    expect(await look()).toEqual(before)
    expect(await this.listEvents(subject)).toEqual(events)
  }
}
