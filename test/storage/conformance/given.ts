import { expect } from 'vitest'
import { createRandom } from '../../../src/crypto/random.ts'
import type { Dialect } from '../../../src/domain/dialect.ts'
import type { Key, Party } from '../../../src/domain/key.ts'
import { nodePrimitives } from '../../../src/node/primitives.ts'
import type {
  Account,
  AddressRule,
  AuditEvent,
  DestinationSummary,
  Developer,
  KeyEdit,
  NewDestination,
  NewKey,
  NewMessage,
  RecordedEvent,
  Site,
  Source,
  Storage,
  SubscriptionSummary,
  User,
} from '../../../src/service/ports.ts'
import type { Engine } from '../../../src/storage/engine.ts'

/** UUIDv7s, each greater than the one before, as the server makes them. */
export const v7 = createRandom(nodePrimitives, Date.now).uuid

export const MOST = Number.MAX_SAFE_INTEGER
/** Text that a careless driver, collation or column type would change. */
export const TEXTS = [
  '',
  '🏥 Ünïcode — «ﷺ»',
  'it\'s "quoted"; DROP TABLE keys; -- \\',
  ' \tblank\n ',
  '%_*',
]

export const crowd = <T>(act: (n: number) => Promise<T>) =>
  Promise.all(Array.from({ length: 20 }, (_, n) => act(n)))
export const howMany = (answers: readonly boolean[]) => answers.filter(Boolean).length

export const eventOf = (subject: string, more: Partial<AuditEvent> = {}): AuditEvent => ({
  id: v7(),
  at: 1_000,
  actor: 'operator',
  action: 'test.done',
  subject,
  facts: {},
  requestId: null,
  ...more,
})

/** What was written of an event, without what storage adds. */
export const written = ({ accountId, ...event }: RecordedEvent): AuditEvent => event

/** A key of the dialect that is exchanged for tokens, and of its source. */
export const keyOf = (owner: User, sourceId: string, more: Partial<NewKey> = {}): NewKey => {
  const id = v7()
  return {
    id,
    accountId: owner.accountId,
    ownerId: owner.id,
    dialect: 'redox',
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
    ...more,
  }
}

/** A key whose secret is presented at every request: it belongs to no source. */
export const presentedKeyOf = (
  owner: User,
  dialect: Dialect = 'xdent',
  more: Partial<NewKey> = {},
): NewKey => ({
  ...keyOf(owner, ''),
  dialect,
  sourceId: null,
  secretHash: `hmac.1.${v7()}`,
  ...more,
})

export const PARTIES: readonly Party[] = ['developer', 'customer', 'operator']

/** An edit that changes everything. */
export const editOf = (ownerId: string, more: Partial<KeyEdit> = {}): KeyEdit => ({
  name: 'edited',
  description: 'edited',
  reference: 'edited',
  ownerId,
  access: 'read',
  expiresAt: MOST,
  ...more,
})

/**
 * What the tests write, into the one database that serves them all: so each has accounts of its own.
 */
export class Given {
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

  readonly account = async (more: Partial<Account> = {}): Promise<Account> => {
    const row: Account = {
      id: v7(),
      name: 'Acme',
      region: 'us',
      status: 'open',
      createdAt: 1,
      departedKeys: 'keep',
      addressesEnforced: false,
      ...more,
    }
    expect(await this.storage.addAccount(row, eventOf(row.id))).toBe(true)
    return row
  }

  readonly user = async (accountId: string, more: Partial<User> = {}): Promise<User> => {
    const id = v7()
    const row: User = {
      id,
      accountId,
      email: `${id}@acme.example`,
      role: 'engineer',
      createdAt: 1,
      username: null,
      leftAt: null,
      ...more,
    }
    expect(await this.storage.addUser(row, eventOf(row.id))).toBe(true)
    return row
  }

  readonly source = async (accountId: string, more: Partial<Source> = {}): Promise<Source> => {
    const row: Source = { id: v7(), accountId, name: 'Source', createdAt: 1, ...more }
    expect(await this.storage.addSource(row, eventOf(row.id))).toBe(true)
    return row
  }

  readonly site = async (accountId: string, more: Partial<Site> = {}): Promise<Site> => {
    const row: Site = { id: v7(), accountId, name: 'Site', createdAt: 1, ...more }
    expect(await this.storage.addSite(row, eventOf(row.id))).toBe(true)
    return row
  }

  readonly developer = async (
    accountId: string,
    more: Partial<Developer> = {},
  ): Promise<Developer> => {
    const id = v7()
    const developerKey = `developer-${id}`
    const row: Developer = { id, accountId, name: 'Dev', developerKey, createdAt: 1, ...more }
    expect(await this.storage.addDeveloper(row, eventOf(row.id))).toBe(true)
    return row
  }

  readonly rule = async (
    accountId: string,
    network: string,
    more: Partial<AddressRule> = {},
  ): Promise<AddressRule> => {
    const row: AddressRule = { id: v7(), accountId, network, note: '', createdAt: 1, ...more }
    expect(await this.storage.addAddressRule(row, eventOf(row.id))).toBe(true)
    return row
  }

  readonly destination = async (
    accountId: string,
    { sealedToken = null, ...more }: Partial<NewDestination> = {},
  ): Promise<DestinationSummary> => {
    const row = {
      id: v7(),
      accountId,
      name: 'EMR',
      url: null,
      development: false,
      verifiedAt: null,
      method: 'POST' as const,
      createdAt: 1,
      ...more,
    }
    const added = await this.storage.addDestination({ ...row, sealedToken }, eventOf(row.id))
    expect(added).toBe(true)
    return { ...row, hasToken: sealedToken !== null }
  }

  readonly subscription = async (
    sourceId: string,
    destinationId: string,
    more: Partial<SubscriptionSummary> = {},
  ): Promise<SubscriptionSummary> => {
    const row: SubscriptionSummary = {
      id: v7(),
      sourceId,
      destinationId,
      dataModel: null,
      status: 'active',
      createdAt: 1,
      ...more,
    }
    expect(await this.storage.addSubscription(row, eventOf(row.id))).toBe(true)
    return row
  }

  /** An account with an engineer, a source and a key. */
  readonly tenant = async (more: Partial<NewKey> = {}) => {
    const { id: accountId } = await this.account()
    const owner = await this.user(accountId)
    const { id: sourceId } = await this.source(accountId)
    const key = await this.key(keyOf(owner, sourceId, more))
    return { accountId, owner, sourceId, key }
  }

  readonly key = async (key: NewKey): Promise<NewKey> => {
    expect(await this.storage.addKey(key, eventOf(key.id))).toBe(true)
    return key
  }

  readonly message = async (
    { key, sourceId }: { key: NewKey; sourceId: string },
    hops: readonly SubscriptionSummary[],
    more: Partial<NewMessage> = {},
  ): Promise<NewMessage> => {
    const row: NewMessage = {
      id: v7(),
      serial: 7,
      keyId: key.id,
      sourceId,
      dataModel: 'Device',
      eventType: 'New',
      test: false,
      sealedPayload: 'sealed',
      receivedAt: 1,
      deliveries: hops.map((hop) => ({
        id: v7(),
        attemptId: v7(),
        subscriptionId: hop.id,
        destinationId: hop.destinationId,
      })),
      ...more,
    }
    await this.storage.addMessage(row)
    return row
  }

  /** The events of a subject, the newest first, as they were written. */
  readonly eventsOf = async (subject: string): Promise<AuditEvent[]> =>
    (await this.storage.listEvents({ subject, limit: 100 })).map(written)

  /** A key as it is judged, without the authority's version: that may be raised for nothing. */
  readonly judgedKey = async (publicId: string): Promise<Key | null> => {
    const found = await this.storage.findKey(publicId)
    if (found === null) return null
    const { authorityVersion, provenHash, ...key } = found
    return key
  }

  /** A change whose guard does not hold: false, no event, and what was there before is still there. */
  readonly refuses = async (
    act: (event: AuditEvent) => Promise<boolean>,
    subject: string,
    look: () => unknown = () => null,
  ): Promise<void> => {
    const [before, events] = [await look(), await this.eventsOf(subject)]
    expect(await act(eventOf(subject))).toBe(false)
    expect(await look()).toEqual(before)
    expect(await this.eventsOf(subject)).toEqual(events)
  }
}
