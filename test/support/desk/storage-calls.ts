import type { AuditEvent } from '../../../src/service/ports.ts'
import type { DeskStorage } from '../../../src/service/scope.ts'
import type { Tenant } from './tenant.ts'

/** Arguments of each verb, that name something of another account; undefined for what names nothing. */
type Calls = {
  readonly [Verb in keyof DeskStorage]:
    | ((theirs: Tenant, event: AuditEvent, mine: Tenant) => Parameters<DeskStorage[Verb]>[])
    | undefined
}

const page = { limit: 1000 }
const edit = {
  name: 'new',
  description: '',
  reference: '',
  access: 'standard',
  expiresAt: null,
} as const
const row = ({ accountId }: Tenant) => ({
  id: crypto.randomUUID(),
  accountId,
  name: 'name',
  createdAt: 1,
})
const subscription = { dataModel: null, status: 'active', createdAt: 1 } as const
const listed = ({ accountId }: Tenant): [{ limit: number; accountId: string }][] => [
  [{ ...page, accountId }],
]

export const STORAGE_CALLS: Calls = {
  addAccount: (theirs, e) => [
    [
      {
        ...row(theirs),
        region: 'us',
        status: 'open',
        departedKeys: 'keep',
        addressesEnforced: false,
      },
      e,
    ],
  ],
  setAccountStatus: ({ accountId }, e) => [[accountId, 'closed', e]],
  setDepartedKeys: ({ accountId }, e) => [[accountId, 'disable', e]],
  setAddressesEnforced: ({ accountId }, e) => [[accountId, true, e]],
  listAccounts: undefined,
  findAccount: ({ accountId }) => [[accountId]],
  addAddressRule: (theirs, e) => [[{ ...row(theirs), network: '192.0.2.0/24', note: '' }, e]],
  removeAddressRule: ({ ruleId }, e) => [[ruleId, e]],
  listAddressRules: ({ accountId }) => [[accountId]],
  addSite: (theirs, e) => [[row(theirs), e]],
  listSites: listed,
  findSite: ({ siteId }) => [[siteId]],
  addUser: (theirs, e) => [
    [{ ...row(theirs), email: 'a@b.example', role: 'member', username: null, leftAt: null }, e],
  ],
  setUserRole: ({ memberId }, e) => [[memberId, 'engineer', e]],
  setUserLeft: ({ memberId }, e) => [[memberId, 1, e]],
  listUsers: listed,
  findUser: ({ memberId }) => [[memberId]],
  addDeveloper: (theirs, e) => [[{ ...row(theirs), developerKey: crypto.randomUUID() }, e]],
  listDevelopers: listed,
  findDeveloper: ({ developerId }) => [[developerId]],

  addKey: (theirs, e) => [
    [
      {
        ...row(theirs),
        ownerId: theirs.engineerId,
        dialect: 'xdent',
        publicId: e.id,
        sourceId: null,
        siteId: null,
        developerId: null,
        description: '',
        reference: '',
        access: 'standard',
        secretHash: e.id,
        secretDigest: null,
        sealedSecret: null,
        tokenSalt: '',
        expiresAt: null,
      },
      e,
    ],
  ],
  enableKey: ({ keyId }, e) => [[keyId, 'operator', e]],
  disableKey: ({ keyId }, e) => [[keyId, 'operator', e]],
  revokeKey: ({ keyId }, e) => [[keyId, e]],
  editKey: ({ keyId, keyEventId, engineerId }, e, mine) => [
    [keyId, { ...edit, ownerId: engineerId }, keyEventId, e],
    [mine.keyId, { ...edit, ownerId: engineerId }, mine.keyEventId, e],
  ],
  amendKey: ({ keyId, keyEventId }, e) => [
    [keyId, { disabled: null, reference: 'new' }, keyEventId, e],
  ],
  assignKey: ({ keyId, siteId }, e, mine) => [
    [keyId, { siteId: mine.siteId, at: 1 }, e],
    [keyId, null, e],
    [mine.keyId, { siteId, at: 1 }, e],
  ],
  removeKey: ({ keyId }, e) => [[keyId, e]],
  replaceSecret: ({ keyId }, e) => [
    [keyId, { hash: 'h', sealed: null, overlapEndsAt: null, tokenSalt: '' }, e],
    [keyId, { hash: 'h', sealed: null, overlapEndsAt: 9, tokenSalt: '' }, e],
  ],
  listKeys: listed,
  listSealedKeys: listed,
  findKeySummary: ({ keyId, publicId }) => [[keyId], [publicId]],
  findSealedSecret: ({ keyId }) => [[keyId]],
  listKeyUses: ({ keyId }) => [[keyId, 0]],
  addKeyUses: ({ keyId }) => [[[{ keyId, day: 1, uses: 1, lastAt: 1 }]]],
  // Who asks has the secret, and is told no more than that it is taken.
  findKeyBySecret: undefined,

  addSource: (theirs, e) => [[row(theirs), e]],
  listSources: listed,
  findSource: ({ sourceId }) => [[sourceId]],
  addDestination: (theirs, e) => [
    [
      {
        ...row(theirs),
        url: null,
        development: false,
        verifiedAt: null,
        method: 'POST',
        sealedToken: null,
      },
      e,
    ],
  ],
  setDestinationUrl: ({ destinationId }, e) => [[destinationId, 'https://x.example/', e]],
  setDestinationVerified: ({ destinationId }, e) => [[destinationId, null, e]],
  verifyDestination: ({ destinationId, url, sealedToken }, e) => [
    [destinationId, { url, sealedToken }, 1, e],
  ],
  setDestinationToken: ({ destinationId }, e) => [[destinationId, null, 'GET', e]],
  findSealedToken: ({ destinationId }) => [[destinationId]],
  listDestinations: listed,
  findDestination: ({ destinationId }) => [[destinationId]],
  addSubscription: ({ sourceId, destinationId }, e, mine) => [
    [{ ...subscription, id: e.id, sourceId, destinationId, dataModel: 'Device' }, e],
    [{ ...subscription, id: e.id, sourceId: mine.sourceId, destinationId }, e],
    [{ ...subscription, id: e.id, sourceId, destinationId: mine.destinationId }, e],
  ],
  setSubscriptionStatus: ({ subscriptionId }, e) => [[subscriptionId, 'paused', e]],
  listSubscriptions: ({ accountId, sourceId }) => [
    [{ ...page, accountId }],
    [{ ...page, sourceId }],
  ],
  findSubscription: ({ subscriptionId }) => [[subscriptionId]],
  findReceiver: ({ subscriptionId }) => [[subscriptionId]],
  findFeed: ({ subscriptionId }) => [[subscriptionId]],
  purgeFeed: ({ subscriptionId }, e) => [[subscriptionId, e]],

  listMessages: listed,
  findMessage: ({ messageId }) => [[messageId]],
  findPayload: ({ messageId }) => [[messageId]],
  listAttempts: ({ messageId }) => [[messageId, 10]],
  replayMessage: ({ messageId }, e) => [[messageId, null, e]],
  skipMessage: ({ messageId }, e) => [[messageId, null, e]],
  addMessage: ({ sourceId, keyId, messageId }, e) => {
    const message = {
      id: e.id,
      serial: 1,
      keyId,
      sourceId,
      dataModel: 'Device',
      eventType: 'New',
      test: true,
      sealedPayload: messageId,
      receivedAt: 1,
      deliveries: [],
    }
    return [[message], [message, e]]
  },
  // The server's own work: refused, whosever it is.
  listDueFeeds: () => [[Number.MAX_SAFE_INTEGER, { all: 10, ofOne: 10 }]],
  findDueAt: ({ subscriptionId }) => [[subscriptionId, 9e11]],
  leaseFeed: ({ subscriptionId: feedId }) => [[{ feedId, by: 'me', until: 9e12 }, 9e11]],
  renewLeases: () => [['me', 1]],
  releaseFeed: ({ subscriptionId }) => [[subscriptionId, 'me']],
  findHead: ({ subscriptionId }) => [[subscriptionId, 'me']],
  settleDelivered: undefined,
  settleFailed: undefined,
  erasePayloads: () => [[9e12, 9e12]],

  // What happened to a row that was found: no verb finds another account's.
  addEvent: undefined,
  listEvents: ({ accountId, keyId }) => [[{ ...page, accountId }], [{ ...page, subject: keyId }]],
  listEventsOfRequest: ({ requestId }) => [[requestId]],

  findCredentialsOf: ({ memberId }) => [[memberId]],
  setUsername: ({ memberId }, e) => [[memberId, 'another', e]],
  addSession: ({ memberId: userId }, e) => [
    [
      {
        id: e.id,
        userId,
        kind: 'token',
        name: '',
        digest: e.id,
        createdAt: 1,
        seenAt: 1,
        expiresAt: 9e12,
      },
      e,
    ],
  ],
  removeSessions: ({ memberId }, e) => [[memberId, null, e]],
  listSessions: ({ memberId }) => [[memberId, 1]],
  addInvitation: ({ memberId }, e) => [
    [{ id: e.id, userId: memberId, digest: e.id, createdAt: 1, expiresAt: 9e12 }, e],
    [{ id: e.id, userId: null, digest: e.id, createdAt: 1, expiresAt: 9e12 }, e],
  ],
  setPassword: ({ memberId }, e) => [[memberId, { hash: 'h', invitationId: null, but: null }, e]],
  setTotp: ({ memberId }, e) => [[memberId, { sealed: 's', recoveryDigests: ['d'] }, e]],
  takeTotpStep: ({ memberId }) => [[memberId, 7]],
  takeRecoveryCode: ({ memberId }, e) => [[memberId, ['d'], e]],
  countRecoveryCodes: ({ memberId }) => [[memberId]],
  // Before somebody has signed in there is no desk.
  hasOperator: () => [[]],
  addFirstOperator: undefined,
  findCredentials: () => [['name']],
  findSession: () => [[['digest'], 1]],
  touchSession: () => [['id', 1]],
  removeSession: (_, e) => [['id', e]],
  findInvitation: () => [[['digest'], 1]],
  listFailures: () => [[['id']]],
  addFailure: () => [[['id'], 1, 1]],
  forgetFailures: () => [[['id']]],
  purgeSessions: () => [[9e12, 9e12]],

  searchKeys: ({ accountId }) => [[{ accountId, order: 'newest', limit: 10 }]],
  countKeys: ({ accountId }) => [[{ accountId }, 10]],
  listUsesOf: ({ keyId }) => [[[keyId], 0]],
  searchUsers: ({ accountId }) => [[{ accountId, text: 'member', limit: 10 }]],
  countKeysOf: ({ accountId, engineerId, siteId, developerId }) => [
    ['owner', [engineerId], accountId],
    ['owner', [engineerId]],
    ['site', [siteId]],
    ['developer', [developerId]],
  ],
  listSignIns: ({ memberId }) => [[[memberId], 1]],
  listFeeds: ({ accountId, sourceId }) => [[{ ...page, accountId }], [{ ...page, sourceId }]],
  findKeyOfSource: ({ sourceId }) => [[sourceId]],
  findListedFeed: ({ subscriptionId }) => [[subscriptionId]],

  rename: (theirs, e) => [
    ['account', theirs.accountId, 'new', e],
    ['site', theirs.siteId, 'new', e],
    ['source', theirs.sourceId, 'new', e],
    ['destination', theirs.destinationId, 'new', e],
    ['developer', theirs.developerId, 'new', e],
  ],
  setUserEmail: ({ memberId }, e) => [[memberId, 'new@clinic.example', e]],
  removeSite: ({ siteId }, e) => [[siteId, e]],
  removeDeveloper: ({ developerId }, e) => [[developerId, e]],
  removeSubscription: ({ subscriptionId }, e) => [[subscriptionId, e]],

  takeKeyCensus: ({ accountId }) => [[{ since: 0, now: 0, accountId }]],
  findNames: (theirs) => [
    [[theirs.accountId, theirs.keyId, theirs.memberId, theirs.sourceId, theirs.subscriptionId]],
  ],

  listTraffic: ({ accountId }) => [[0, accountId]],
  sumTraffic: ({ accountId }) => [[{ fromHour: 0, hours: 24, accountId }]],
  addTraffic: () => [[[]]],
  purgeTraffic: () => [[9e12]],
}
