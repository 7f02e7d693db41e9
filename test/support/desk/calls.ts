import type { Services } from '../../../src/service/desk.ts'
import { from } from '../people.ts'
import type { Tenant } from './tenant.ts'

/** Arguments of each verb of the services: with `id` wherever a verb takes one, one at a time. */
type Calls = {
  readonly [Name in keyof Services]: Services[Name] extends (...args: infer Args) => unknown
    ? (id: string, mine: Tenant) => Args[]
    : {
        readonly [Verb in keyof Services[Name]]: Services[Name][Verb] extends (
          ...args: infer Args
        ) => unknown
          ? (id: string, mine: Tenant) => Args[]
          : never
      }
}

const page = { limit: 1000 }
const watch = () => undefined
/** Lists that are asked for the rows of one account. */
const listed = (id: string): [{ limit: number; accountId?: string; after?: string }][] => [
  [page],
  [{ ...page, accountId: id }],
  [{ ...page, after: id }],
]
const name = 'name'
const testMessage = (destinationId: string) => ({
  dataModel: 'Device',
  eventType: 'New',
  sourceId: null,
  destinationIds: [destinationId],
  payload: new TextEncoder().encode('{}'),
  render: () => new TextEncoder().encode('{}'),
  signal: () => new AbortController().signal,
})

export const CALLS: Calls = {
  accounts: {
    create: () => [[{ name }]],
    setStatus: (id) => [[id, 'closed']],
    setDepartedKeys: (id) => [[id, 'disable']],
    rename: (id) => [[id, name]],
    list: (id) => [[page], [{ ...page, after: id }]],
    find: (id) => [[id]],
    addUser: (accountId) => [[{ accountId, email: 'new@clinic.example', role: 'member' }]],
    setEmail: (id) => [[id, 'new@clinic.example']],
    setRole: (id) => [[id, 'member']],
    leave: (id) => [[id]],
    listUsers: listed,
    searchUsers: (id) => [
      [{ text: 'clinic', limit: 1000 }],
      [{ text: 'clinic', limit: 1000, accountId: id }],
    ],
    findUser: (id) => [[id]],
  },
  people: {
    standings: (id) => [[[id]]],
    invite: (id) => [[id]],
    inviteFirst: () => [[]],
    setUsername: (id) => [[id, 'another-name']],
    signOut: (id) => [[id]],
    resetSecondFactor: (id) => [[id]],
  },
  places: {
    addSite: (accountId) => [[{ accountId, name }]],
    renameSite: (id) => [[id, name]],
    removeSite: (id) => [[id]],
    listSites: listed,
    findSite: (id) => [[id]],
    addDeveloper: (accountId) => [[{ accountId, name }]],
    renameDeveloper: (id) => [[id, name]],
    removeDeveloper: (id) => [[id]],
    countKeys: (id) => [
      ['owner', [id]],
      ['site', [id]],
      ['developer', [id]],
    ],
    listDevelopers: listed,
    findDeveloper: (id) => [[id]],
    enforceAddresses: (id) => [[id, true]],
    addAddress: (accountId) => [[{ accountId, network: '203.0.113.9' }]],
    removeAddress: (id) => [[id]],
    listAddresses: (id) => [[id]],
    seenAddresses: (id) => [[id]],
  },
  routes: {
    addSource: (accountId) => [[{ accountId, name }]],
    renameSource: (id) => [[id, name]],
    listSources: listed,
    findSource: (id) => [[id]],
    addDestination: (accountId) => [[{ accountId, name }]],
    renameDestination: (id) => [[id, name]],
    moveDestination: (id) => [[id, 'https://elsewhere.example/']],
    setToken: (id) => [[id, 'another token']],
    verify: (id) => [[id]],
    setVerified: (id) => [
      [id, true],
      [id, false],
    ],
    listDestinations: listed,
    findDestination: (id) => [[id]],
    subscribe: (id, mine) => [
      [{ sourceId: id, destinationId: mine.destinationId }],
      [{ sourceId: mine.sourceId, destinationId: id }],
      [{ sourceId: id, destinationId: id }],
    ],
    unsubscribe: (id) => [[id]],
    setSubscriptionStatus: (id) => [
      [id, 'paused'],
      [id, 'active'],
    ],
    findFeed: (id) => [[id]],
    purge: (id) => [[id]],
    listSubscriptions: (id) => [...listed(id), [{ ...page, sourceId: id }]],
    findSubscription: (id) => [[id]],
    findReceiver: (id) => [[id]],
    listFeeds: (id) => [
      ...listed(id),
      [{ ...page, sourceId: id }],
      [{ ...page, destinationId: id }],
    ],
    findListedFeed: (id) => [[id]],
    findKeyOf: (id) => [[id]],
  },
  keys: {
    create: (id, { engineerId, developerId }) => [
      [{ dialect: 'xdent', ownerId: id, name }],
      [{ dialect: 'opendental', ownerId: id, developerId, name }],
      [{ dialect: 'opendental', ownerId: engineerId, developerId: id, name }],
      [{ dialect: 'xenrad', ownerId: engineerId, siteId: id, name }],
      [{ dialect: 'redox', ownerId: engineerId, sourceId: id, name }],
    ],
    view: (id) => [[id]],
    rotateSecret: (id) => [
      [id, {}],
      [id, { overlapMs: 1000 }],
    ],
    enable: (id) => [[id]],
    disable: (id) => [[id]],
    revoke: (id) => [[id]],
    remove: (id) => [[id]],
    assign: (id, { siteId, keyId }) => [
      [id, siteId],
      [id, null],
      [keyId, id],
    ],
    edit: (id, { keyId, engineerId }) => [
      [id, { name }],
      [id, { ownerId: engineerId }],
      [keyId, { ownerId: id }],
      [keyId, { name, seen: id }],
    ],
    list: (id) => [...listed(id), [{ ...page, ownerId: id }], [{ ...page, developerId: id }]],
    search: (id) => [
      [{ ...page, order: 'newest' }],
      [{ ...page, order: 'newest', accountId: id }],
      [{ ...page, order: 'newest', siteId: id }],
    ],
    count: (id) => [
      [{}, 1000],
      [{ accountId: id }, 1000],
      [{ ownerId: id }, 1000],
    ],
    find: (id) => [[id]],
    uses: (id) => [[id, 0]],
    usesOf: (id) => [[[id], 0]],
  },
  messages: {
    list: listed,
    find: (id) => [[id]],
    attempts: (id) => [[id]],
    sendTest: (id, { sourceId, destinationId }) => [
      [id, testMessage(destinationId), from()],
      [sourceId, testMessage(id), from()],
    ],
    replay: (id, { messageId, destinationId }) => [[id], [id, destinationId], [messageId, id]],
    skip: (id, { messageId, destinationId }) => [[id], [id, destinationId], [messageId, id]],
    open: (id) => [[id]],
  },
  overview: {
    traffic: (accountId) => [[{ fromHour: 0, hours: 24, accountId }]],
    keys: () => [[]],
    attention: () => [[]],
    beginning: () => [[]],
  },
  audit: {
    list: (id) => [...listed(id), [{ ...page, subject: id }], [{ ...page, actor: id }]],
    verify: () => [[watch]],
    acceptRestore: () => [[]],
    lines: () => [[watch]],
    names: (id) => [[[id]]],
    idOf: (id) => [[id]],
  },
  explain: (id) => [[id]],
}
