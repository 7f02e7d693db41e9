import type { AuditEvent } from '../../../src/service/ports/audit.ts'
import type { ManagementStorage } from '../../../src/service/scope/storage.ts'
import type { Tenant } from './tenant.ts'

/** Arguments of each verb, that name something of another account; undefined for what names nothing. */
type StorageCallArguments = {
  readonly [Verb in keyof ManagementStorage]:
    | ((
        otherTenant: Tenant,
        event: AuditEvent,
        ownTenant: Tenant,
      ) => Parameters<ManagementStorage[Verb]>[])
    | undefined
}

const STORAGE_LIST_PAGE = { limit: 1000 }
const KEY_EDIT = {
  name: 'new',
  description: '',
  reference: '',
  access: 'standard',
  expiresAt: null,
} as const
const createRow = ({ accountId }: Tenant) => ({
  id: crypto.randomUUID(),
  accountId,
  name: 'name',
  createdAt: 1,
})
const SUBSCRIPTION_COLUMNS = { dataModel: null, status: 'active', createdAt: 1 } as const
const listArguments = ({ accountId }: Tenant): [{ limit: number; accountId: string }][] => [
  [{ ...STORAGE_LIST_PAGE, accountId }],
]

export const STORAGE_CALLS: StorageCallArguments = {
  addAccount: (otherTenant, event) => [
    [
      {
        ...createRow(otherTenant),
        region: 'us',
        status: 'open',
        departedKeys: 'keep',
        addressesEnforced: false,
      },
      event,
    ],
  ],
  setAccountStatus: ({ accountId }, event) => [[accountId, 'closed', event]],
  setOffboardingPolicy: ({ accountId }, event) => [[accountId, 'disable', event]],
  setAllowlistEnforced: ({ accountId }, event) => [[accountId, true, event]],
  listAccounts: undefined,
  findAccount: ({ accountId }) => [[accountId]],
  addAllowlistEntry: (otherTenant, event) => [
    [{ ...createRow(otherTenant), network: '192.0.2.0/24', note: '' }, event],
  ],
  deleteAllowlistEntry: ({ ruleId }, event) => [[ruleId, event]],
  listAllowlistEntries: ({ accountId }) => [[accountId]],
  addSite: (otherTenant, event) => [[createRow(otherTenant), event]],
  listSites: listArguments,
  findSite: ({ siteId }) => [[siteId]],
  addUser: (otherTenant, event) => [
    [
      {
        ...createRow(otherTenant),
        email: 'a@b.example',
        role: 'member',
        username: null,
        leftAt: null,
      },
      event,
    ],
  ],
  setUserRole: ({ memberId }, event) => [[memberId, 'engineer', event]],
  deactivateUser: ({ memberId }, event) => [[memberId, 1, event]],
  listUsers: listArguments,
  findUser: ({ memberId }) => [[memberId]],
  addDeveloper: (otherTenant, event) => [
    [{ ...createRow(otherTenant), developerKey: crypto.randomUUID() }, event],
  ],
  listDevelopers: listArguments,
  findDeveloper: ({ developerId }) => [[developerId]],

  addKey: (otherTenant, event) => [
    [
      {
        ...createRow(otherTenant),
        ownerId: otherTenant.engineerId,
        dialect: 'xdent',
        publicId: event.id,
        sourceId: null,
        siteId: null,
        developerId: null,
        description: '',
        reference: '',
        access: 'standard',
        secretHash: event.id,
        secretDigest: null,
        sealedSecret: null,
        tokenSalt: '',
        expiresAt: null,
      },
      event,
    ],
  ],
  enableKey: ({ keyId }, event) => [[keyId, 'operator', event]],
  disableKey: ({ keyId }, event) => [[keyId, 'operator', event]],
  revokeKey: ({ keyId }, event) => [[keyId, event]],
  editKey: ({ keyId, keyEventId, engineerId }, event, ownTenant) => [
    [keyId, { ...KEY_EDIT, ownerId: engineerId }, keyEventId, event],
    [ownTenant.keyId, { ...KEY_EDIT, ownerId: engineerId }, ownTenant.keyEventId, event],
  ],
  amendKey: ({ keyId, keyEventId }, event) => [
    [keyId, { disabled: null, reference: 'new' }, keyEventId, event],
  ],
  assignKey: ({ keyId, siteId }, event, ownTenant) => [
    [keyId, { siteId: ownTenant.siteId, at: 1 }, event],
    [keyId, null, event],
    [ownTenant.keyId, { siteId, at: 1 }, event],
  ],
  deleteKey: ({ keyId }, event) => [[keyId, event]],
  rotateSecret: ({ keyId }, event) => [
    [keyId, { hash: 'h', sealed: null, overlapEndsAt: null, tokenSalt: '' }, event],
    [keyId, { hash: 'h', sealed: null, overlapEndsAt: 9, tokenSalt: '' }, event],
  ],
  listKeys: listArguments,
  listSealedKeys: listArguments,
  findKeySummary: ({ keyId, publicId }) => [[keyId], [publicId]],
  findSealedSecret: ({ keyId }) => [[keyId]],
  listKeyUses: ({ keyId }) => [[keyId, 0]],
  // The caller holds the secret, and learns only that it is taken.
  findKeyBySecret: undefined,

  addSource: (otherTenant, event) => [[createRow(otherTenant), event]],
  listSources: listArguments,
  findSource: ({ sourceId }) => [[sourceId]],
  addDestination: (otherTenant, event) => [
    [
      {
        ...createRow(otherTenant),
        url: null,
        development: false,
        verifiedAt: null,
        method: 'POST',
        sealedToken: null,
      },
      event,
    ],
  ],
  setDestinationUrl: ({ destinationId }, event) => [[destinationId, 'https://x.example/', event]],
  setDestinationVerified: ({ destinationId }, event) => [[destinationId, null, event]],
  verifyDestination: ({ destinationId, url, sealedToken }, event) => [
    [destinationId, { url, sealedToken }, 1, event],
  ],
  setVerificationToken: ({ destinationId }, event) => [[destinationId, null, 'GET', event]],
  findSealedVerificationToken: ({ destinationId }) => [[destinationId]],
  listDestinations: listArguments,
  findDestination: ({ destinationId }) => [[destinationId]],
  addSubscription: ({ sourceId, destinationId }, event, ownTenant) => [
    [
      { ...SUBSCRIPTION_COLUMNS, id: event.id, sourceId, destinationId, dataModel: 'Device' },
      event,
    ],
    [{ ...SUBSCRIPTION_COLUMNS, id: event.id, sourceId: ownTenant.sourceId, destinationId }, event],
    [
      { ...SUBSCRIPTION_COLUMNS, id: event.id, sourceId, destinationId: ownTenant.destinationId },
      event,
    ],
  ],
  setSubscriptionStatus: ({ subscriptionId }, event) => [[subscriptionId, 'paused', event]],
  findSubscriptionTarget: ({ subscriptionId }) => [[subscriptionId]],
  purgeQueue: ({ subscriptionId }, event) => [[subscriptionId, event]],

  listMessages: listArguments,
  findMessage: ({ messageId }) => [[messageId]],
  findPayload: ({ messageId }) => [[messageId]],
  listAttempts: ({ messageId }) => [[messageId, 10]],
  replayMessage: ({ messageId }, event) => [[messageId, null, event]],
  skipMessage: ({ messageId }, event) => [[messageId, null, event]],
  addMessage: ({ sourceId, keyId, messageId }, event) => {
    const message = {
      id: event.id,
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
    return [[message], [message, event]]
  },
  // Methods for the server's own work are refused for every account.
  // Events of a row that was found before: no method finds another account's row.
  addEvent: undefined,
  listEvents: ({ accountId, keyId }) => [
    [{ ...STORAGE_LIST_PAGE, accountId }],
    [{ ...STORAGE_LIST_PAGE, subject: keyId }],
  ],
  listRequestEvents: ({ requestId }) => [[requestId]],

  findCredentialsByUserId: ({ memberId }) => [[memberId]],
  setUsername: ({ memberId }, event) => [[memberId, 'another', event]],
  deleteSessions: ({ memberId }, event) => [[memberId, null, event]],
  addInvitation: ({ memberId }, event) => [
    [{ id: event.id, userId: memberId, digest: event.id, createdAt: 1, expiresAt: 9e12 }, event],
    [{ id: event.id, userId: null, digest: event.id, createdAt: 1, expiresAt: 9e12 }, event],
  ],
  setSecondFactor: ({ memberId }, event) => [
    [memberId, { sealed: 's', recoveryDigests: ['d'] }, event],
  ],
  // Before sign-in there are no actor services.
  hasActiveOperator: () => [[]],
  searchKeys: ({ accountId }) => [[{ accountId, order: 'newest', limit: 10 }]],
  countKeys: ({ accountId }) => [[{ accountId }, 10]],
  listDailyUsesByKey: ({ keyId }) => [[[keyId], 0]],
  searchUsers: ({ accountId }) => [[{ accountId, text: 'member', limit: 10 }]],
  countKeysByHolder: ({ accountId, engineerId, siteId, developerId }) => [
    ['owner', [engineerId], accountId],
    ['owner', [engineerId]],
    ['site', [siteId]],
    ['developer', [developerId]],
  ],
  listSignInStatus: ({ memberId }) => [[[memberId], 1]],
  searchSubscriptions: ({ accountId, sourceId }) => [
    [{ ...STORAGE_LIST_PAGE, accountId }],
    [{ ...STORAGE_LIST_PAGE, sourceId }],
  ],
  findSourceKey: ({ sourceId }) => [[sourceId]],
  findSubscriptionListItem: ({ subscriptionId }) => [[subscriptionId]],

  rename: (otherTenant, event) => [
    ['account', otherTenant.accountId, 'new', event],
    ['site', otherTenant.siteId, 'new', event],
    ['source', otherTenant.sourceId, 'new', event],
    ['destination', otherTenant.destinationId, 'new', event],
    ['developer', otherTenant.developerId, 'new', event],
  ],
  setUserEmail: ({ memberId }, event) => [[memberId, 'new@clinic.example', event]],
  deleteRow: (ids, event) => [
    ['account', ids.accountId, event],
    ['user', ids.memberId, event],
    ['site', ids.siteId, event],
    ['developer', ids.developerId, event],
    ['source', ids.sourceId, event],
    ['destination', ids.destinationId, event],
    ['subscription', ids.subscriptionId, event],
  ],

  countKeysByType: ({ accountId }) => [[{ since: 0, now: 0, accountId }]],
  findRowNames: (otherTenant) => [
    [
      [
        otherTenant.accountId,
        otherTenant.keyId,
        otherTenant.memberId,
        otherTenant.sourceId,
        otherTenant.subscriptionId,
      ],
    ],
  ],

  sumTraffic: ({ accountId }) => [[{ fromHour: 0, hours: 24, accountId }]],
}
