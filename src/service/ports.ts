import type { Checkpoint, KeptEvent, Place, SealedEvent, Statement } from '../domain/chain.ts'
import type { Result } from '../domain/failure.ts'
import type { AccountStatus, Key, KeyStatus, Role } from '../domain/key.ts'
import type { Grant } from '../domain/rotation.ts'
import type { Destination, Routes } from '../domain/route.ts'
import type { RefreshToken, TokenFacts } from '../domain/token.ts'

/** What a fast adapter answers at once and a remote one answers later. Await it either way. */
export type Maybe<T> = T | Promise<T>

/** Epoch milliseconds. */
export type Clock = () => number

/** Told of work that nobody waits for, so that it is done although the answer is out. */
export type KeepAlive = (work: Promise<unknown>) => void

/** Words for the operator. Never a secret, a token or a payload. */
export interface Log {
  debug(facts: object, message: string): void
  info(facts: object, message: string): void
  warn(facts: object, message: string): void
  error(facts: object, message: string): void
}

/** What is counted against a limit by several processes together. */
export interface Sharing {
  /** Tells the others that this process has counted one more of `id`, in a window that ends then. */
  tell(id: string, endsAt: number): void
  /** `take` is called with what the others have counted. */
  hear(take: (id: string, spent: number, endsAt: number) => void): void
}

/** The sharing of the limit that has this name; undefined where a process is alone. */
export type Share = (limit: string) => Sharing | undefined

export interface Random {
  /** A UUIDv7 (RFC 9562 §5.7): time-ordered, so that inserts append. */
  uuid(): string
  /** A safe integer, larger than every one before it in this process: ids for clients that want numbers. */
  serial(): number
  /** A UUIDv4: an id that is stored nowhere. */
  requestId(): string
  /** At least 256 random bits as text that survives a shell, a URL and a header. */
  secret(): string
  /** 128 random bits, base64url. */
  salt(): string
}

export interface SecretHasher {
  /** argon2id, PHC string. */
  hash(secret: string): Promise<Result<string>>
  /**
   * Whether the secret matches one of the hashes. A no always costs the same work, however many
   * hashes there are (none, for a key that does not exist). Only questions of one `asker` (who asks
   * about which key) share their work. `busy` when too many wait already. `mayStill` is asked when the
   * work's turn has come: its failure is the answer, for no work.
   */
  verify(
    secret: string,
    hashes: readonly string[],
    asker: string,
    mayStill?: () => Result<void>,
  ): Promise<Result<boolean>>
  /** Whether an earlier verify has proven just this, known without the work. */
  isProven(secret: string, hashes: readonly string[]): boolean
}

export interface Tokens {
  readonly accessToken: string
  readonly refreshToken: string
}

export interface TokenMinter {
  /** The same facts give the same bytes. */
  mint(facts: TokenFacts, tokenSalt: string): Maybe<Tokens>
  /** Whether we made this access token, for us. Says nothing of its expiry: time is the caller's. */
  proveAccess(accessToken: string): Maybe<Result<TokenFacts>>
  /** Whether we made this refresh token, for the key that has this salt. */
  proveRefresh(refreshToken: string, tokenSalt: string): Result<RefreshToken>
  /** A salt to spend the same work with where there is no key. */
  readonly decoySalt: string
}

/** Keeps what must be read again. `context` (a row id) must be the same when it is opened. */
export interface Sealer {
  seal(plain: Uint8Array, context: string): Maybe<string>
  /** Throws where it was tampered with or its key is not in the key ring. */
  open(sealed: string, context: string): Maybe<Uint8Array>
}

/** Carries one request to a destination. */
export interface Courier {
  /** The answer's body, or why there is none. */
  ask(destination: Destination, body: string, signal: AbortSignal): Promise<Result<string>>
}

/** Seals the events of the audit, and signs how far they go, with the audit key of the key ring. */
export interface Notary {
  /** The seal of an event that gets this number, after the event with the seal `previous`. */
  seal(previous: string, event: KeptEvent, sequence: number): string
  /** Whether the event is, to the byte, the one that was sealed after `previous`. */
  hasSealed(previous: string, event: SealedEvent): boolean
  sign(statement: Statement): Promise<Checkpoint>
  hasSigned(checkpoint: Checkpoint): Promise<boolean>
}

export type Facts = Readonly<Record<string, string | number | boolean | null>>

/** Who did what to whom, for the audit. */
export interface AuditEvent {
  readonly id: string
  readonly at: number
  /** `operator`, or the key id that acted. */
  readonly actor: string
  /** `key.revoked`, `grant.reused`, … */
  readonly action: string
  /** Row id of what it happened to. */
  readonly subject: string
  readonly facts: Facts
  /** The request that it comes of; null where an operator acted. */
  readonly requestId: string | null
}

// ── What is kept ────────────────────────────────────────────────────────────────────────────────

export interface Account {
  readonly id: string
  readonly name: string
  readonly region: string
  readonly status: AccountStatus
  readonly createdAt: number
}

export interface User {
  readonly id: string
  readonly accountId: string
  readonly email: string
  readonly role: Role
  readonly createdAt: number
}

export interface Source {
  readonly id: string
  readonly accountId: string
  readonly name: string
  readonly createdAt: number
}

/** A key as the operator sees it: nothing of it is secret. */
export interface KeySummary {
  readonly id: string
  readonly accountId: string
  readonly ownerId: string
  readonly sourceId: string
  readonly name: string
  readonly publicId: string
  readonly status: KeyStatus
  readonly createdAt: number
  readonly expiresAt: number | null
  readonly disabledAt: number | null
  readonly revokedAt: number | null
  readonly secretReplacedAt: number | null
  readonly previousSecretEndsAt: number | null
}

export interface NewKey {
  readonly id: string
  readonly accountId: string
  readonly ownerId: string
  readonly sourceId: string
  readonly name: string
  readonly publicId: string
  readonly secretHash: string
  readonly tokenSalt: string
  readonly createdAt: number
  readonly expiresAt: number | null
}

export interface DestinationSummary extends Destination {
  readonly accountId: string
  readonly development: boolean
  readonly createdAt: number
}

export interface SubscriptionSummary {
  readonly id: string
  readonly sourceId: string
  readonly destinationId: string
  readonly dataModel: string | null
  readonly status: 'active' | 'paused'
  readonly createdAt: number
}

export interface NewMessage {
  readonly id: string
  readonly serial: number
  readonly keyId: string
  readonly sourceId: string
  readonly dataModel: string
  readonly eventType: string
  readonly test: boolean
  readonly sealedPayload: string
  readonly receivedAt: number
  readonly deliveries: readonly NewDelivery[]
}

export interface NewDelivery {
  readonly id: string
  readonly subscriptionId: string
  readonly destinationId: string
  readonly attemptId: string
}

export interface MessageSummary {
  readonly id: string
  readonly serial: number
  readonly accountId: string
  readonly sourceId: string
  readonly dataModel: string
  readonly eventType: string
  readonly test: boolean
  readonly receivedAt: number
  readonly deliveries: readonly DeliverySummary[]
}

export interface DeliverySummary {
  readonly id: string
  readonly destinationId: string
  readonly destinationName: string
  readonly status: 'queued'
}

/**
 * A page of a list: the rows after `after` (a row's id), `limit` at most. Messages and events come
 * newest first, everything else oldest first.
 */
export interface Page {
  readonly after?: string | undefined
  readonly limit: number
}

// ── Storage: one verb a fact. Every write is on disk when its promise resolves, and says what happened ──

/** What is read at every request. */
export interface AuthorityStorage {
  /** Bumped by every change of who may do what: what was read under the same version still holds. */
  authorityVersion(): Maybe<number>
  findKey(publicId: string): Maybe<Key | null>
  findRoutes(keyId: string): Maybe<Routes | null>
}

export interface GrantStorage {
  findGrant(id: string): Maybe<Grant | null>
  /**
   * Moves the grant from at most `to - 1` to `to`, or makes its row. False when somebody else was
   * there first, or the grant is revoked.
   */
  rotateGrant(rotation: {
    grantId: string
    keyId: string
    to: number
    rotatedAt: number
    expiresAt: number
  }): Promise<boolean>
  /** False when that generation is no longer current, or was acknowledged before. */
  acknowledgeGrant(grantId: string, generation: number, at: number): Promise<boolean>
  /** False when it was revoked before: then nothing is written, the event neither. */
  revokeGrant(grantId: string, at: number, event: AuditEvent): Promise<boolean>
  /** Deletes the rows that no living token needs; answers how many. */
  purgeGrants(now: number): Promise<number>
}

export interface MessageStorage {
  /** The message and all its deliveries, or nothing. */
  addMessage(message: NewMessage): Promise<void>
  listMessages(page: Page & { accountId?: string | undefined }): Promise<MessageSummary[]>
  findMessage(id: string): Promise<MessageSummary | null>
  /** The sealed payload; null when there is no such message. */
  findPayload(messageId: string): Promise<string | null>
}

/** Each change and its audit event are one atomic list. False: the change's own guard did not hold. */
export interface OperatorStorage {
  addAccount(account: Account, event: AuditEvent): Promise<boolean>
  setAccountStatus(id: string, status: AccountStatus, event: AuditEvent): Promise<boolean>
  listAccounts(page: Page): Promise<Account[]>
  findAccount(id: string): Promise<Account | null>

  addUser(user: User, event: AuditEvent): Promise<boolean>
  setUserRole(id: string, role: Role, event: AuditEvent): Promise<boolean>
  listUsers(page: Page & { accountId?: string | undefined }): Promise<User[]>
  findUser(id: string): Promise<User | null>

  addSource(source: Source, event: AuditEvent): Promise<boolean>
  listSources(page: Page & { accountId?: string | undefined }): Promise<Source[]>
  findSource(id: string): Promise<Source | null>

  /** Guard: the source is the account's and has no other living key; the owner may hold keys. */
  addKey(key: NewKey, event: AuditEvent): Promise<boolean>
  /** Guard: the key is not revoked. Enabling, disabling and revoking are in force at once. */
  setKeyStatus(id: string, status: KeyStatus, event: AuditEvent): Promise<boolean>
  /**
   * Guard: the key is not revoked. Without an overlap the old secret ends now and so do all tokens
   * (new salt, next epoch); with one, both secrets work until then and tokens live on.
   */
  replaceSecret(
    id: string,
    secret: { hash: string; overlapEndsAt: number | null; tokenSalt: string },
    event: AuditEvent,
  ): Promise<boolean>
  listKeys(page: Page & { accountId?: string | undefined }): Promise<KeySummary[]>
  /** By row id or by public id. */
  findKeySummary(idOrPublicId: string): Promise<KeySummary | null>

  addDestination(destination: DestinationSummary, event: AuditEvent): Promise<boolean>
  /** Another address is another party: it is no longer verified. */
  setDestinationUrl(id: string, url: string, event: AuditEvent): Promise<boolean>
  setDestinationVerified(id: string, at: number | null, event: AuditEvent): Promise<boolean>
  listDestinations(page: Page & { accountId?: string | undefined }): Promise<DestinationSummary[]>
  findDestination(id: string): Promise<DestinationSummary | null>

  /** Guard: source and destination exist, and are not yet joined for that data model. */
  addSubscription(subscription: SubscriptionSummary, event: AuditEvent): Promise<boolean>
  setSubscriptionStatus(
    id: string,
    status: SubscriptionSummary['status'],
    event: AuditEvent,
  ): Promise<boolean>
  listSubscriptions(page: Page & { sourceId?: string | undefined }): Promise<SubscriptionSummary[]>

  addEvent(event: AuditEvent): Promise<void>
  listEvents(page: Page & EventFilter): Promise<AuditEvent[]>
}

/** What is asked for by no value is not asked for. */
export interface EventFilter {
  readonly subject?: string | undefined
  readonly actor?: string | undefined
  readonly action?: string | undefined
  /** From this moment on. */
  readonly since?: number | undefined
  /** Before this moment. */
  readonly until?: number | undefined
}

/** The events that come of requests, and the chain that all events become. */
export interface AuditStorage {
  /** All or none; those that are there already stay as they are. */
  addEvents(events: readonly AuditEvent[]): Promise<void>
  /** Oldest first. */
  listEventsOfRequest(requestId: string): Promise<AuditEvent[]>

  /** How far the chain goes. */
  chainEnd(): Promise<Place>
  /** The oldest events that have no seal. */
  listUnsealed(limit: number): Promise<KeptEvent[]>
  /**
   * Gives events (by id) their places, the last of which is the chain's new end. False, and nothing
   * is written, where the chain does not end at `end` any more: somebody else was first.
   */
  sealEvents(end: Place, places: readonly (Place & { readonly id: string })[]): Promise<boolean>
  /** By number, after this one. */
  listSealed(after: number, limit: number): Promise<SealedEvent[]>

  /**
   * Replaces those between `since` and this one, so that they do not pile up: never the one that
   * stands for what was purged.
   */
  addCheckpoint(checkpoint: Checkpoint, since: number): Promise<void>
  /** By number, then by `first`. */
  listCheckpoints(
    after: Pick<Checkpoint, 'sequence' | 'first'>,
    limit: number,
  ): Promise<Checkpoint[]>
  /** That of the highest number; null where there is none. */
  lastCheckpoint(): Promise<Checkpoint | null>
  /** The one that says that the chain begins last. */
  beginningCheckpoint(): Promise<Checkpoint | null>
  /** Adds the checkpoint, and deletes all before its `first` but the checkpoint of what went. */
  purgeEvents(checkpoint: Checkpoint): Promise<number>
}

/**
 * Thrown by every verb while the database cannot be reached or takes no write: a broken machine, not
 * a bug. Callers are told to come back.
 */
export class Unavailable extends Error {
  override name = 'Unavailable'
}

export interface Storage
  extends AuthorityStorage,
    GrantStorage,
    MessageStorage,
    OperatorStorage,
    AuditStorage {
  /** Writes and reads; throws where the database does not answer or the disk takes no write. */
  probe(): Promise<void>
  close(): Promise<void>
}
