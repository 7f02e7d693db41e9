import type { Permission } from '../../../src/domain/role.ts'
import type { ActorServices, Services } from '../../../src/service/actor-services.ts'
import { SERVICE_PERMISSIONS } from '../../../src/service/permissions.ts'
import { createImportInput } from '../imports.ts'
import { createTestCaller } from '../users.ts'
import type { Tenant } from './tenant.ts'

type ServiceFunction = (...args: unknown[]) => unknown

export interface ServiceVerb {
  /** For example `keys.create`. */
  readonly path: string
  readonly permission: Permission
  readonly call: ServiceFunction
  /** Its arguments, with this id in each place that takes one, and `mine` in the others. */
  readonly listArguments: (id: string, ownTenant: Tenant) => unknown[][]
}

/** Lists every method of the actor's services; throws for one without sample arguments. */
export function listServiceVerbs(desk: ActorServices): ServiceVerb[] {
  const { can: _, ...services } = desk
  return Object.entries(services).flatMap(([name, service]) =>
    Object.entries(service).map(([verb, serviceFunction]) =>
      toServiceVerb([name, verb], serviceFunction),
    ),
  )
}

function toServiceVerb(path: readonly string[], verb: unknown): ServiceVerb {
  const [permission, calls] = [SERVICE_PERMISSIONS, SERVICE_CALLS].map((table) =>
    getByPath(table, path),
  )
  if (typeof permission !== 'string' || typeof calls !== 'function') {
    throw new Error(`${path.join('.')} has no permission or no sample arguments`)
  }
  return {
    path: path.join('.'),
    permission: permission as Permission,
    call: verb as ServiceFunction,
    listArguments: calls as ServiceVerb['listArguments'],
  }
}

const getByPath = (table: object, path: readonly string[]): unknown =>
  path.reduce<unknown>((found, step) => (found as Record<string, unknown>)[step], table)

/** All that a caller gets, as text. */
export async function callToText(verb: ServiceFunction, args: readonly unknown[]): Promise<string> {
  try {
    const result = await verb(...args)
    const value = (result as { value?: unknown } | null | undefined)?.value
    const stream = [result, value].find(isStream)
    return JSON.stringify(stream === undefined ? result : await collectItems(stream)) ?? ''
  } catch (error) {
    return String(error)
  }
}

const isStream = (value: unknown): value is AsyncIterable<unknown> =>
  typeof value === 'object' && value !== null && Symbol.asyncIterator in value

async function collectItems(items: AsyncIterable<unknown>): Promise<unknown[]> {
  const all: unknown[] = []
  for await (const item of items) all.push(item)
  return all
}

/** Arguments of each verb of the services: with `id` wherever a verb takes one, one at a time. */
type ServiceCallArguments = {
  readonly [Name in keyof Services]: {
    readonly [Verb in keyof Services[Name]]: Services[Name][Verb] extends (
      ...args: infer Args
    ) => unknown
      ? (id: string, ownTenant: Tenant) => Args[]
      : never
  }
}

const SERVICE_LIST_PAGE = { limit: 1000 }
const ignoreProgress = () => undefined
/** Lists that are asked for the rows of one account. */
const listArguments = (id: string): [{ limit: number; accountId?: string; after?: string }][] => [
  [SERVICE_LIST_PAGE],
  [{ ...SERVICE_LIST_PAGE, accountId: id }],
  [{ ...SERVICE_LIST_PAGE, after: id }],
]
const listSunsetTargets = (id: string, accountId: string) => {
  const target = { accountId, keyType: 'redox', sunsetAt: Number.MAX_SAFE_INTEGER } as const
  return [
    { ...target, accountId: id },
    { ...target, sourceId: id },
    { ...target, keyType: 'xenrad', siteId: id } as const,
  ]
}
const SAMPLE_NAME = 'name'
const createTestMessageInput = (destinationId: string) => ({
  dataModel: 'Device',
  eventType: 'New',
  sourceId: null,
  destinationIds: [destinationId],
  payload: new TextEncoder().encode('{}'),
  render: async () => new TextEncoder().encode('{}'),
  signal: () => new AbortController().signal,
})

export const SERVICE_CALLS: ServiceCallArguments = {
  accounts: {
    create: () => [[{ name: SAMPLE_NAME }]],
    setStatus: (id) => [[id, 'closed']],
    setOffboardingPolicy: (id) => [[id, 'disable']],
    rename: (id) => [[id, SAMPLE_NAME]],
    delete: (id) => [[id]],
    list: (id) => [[SERVICE_LIST_PAGE], [{ ...SERVICE_LIST_PAGE, after: id }]],
    find: (id) => [[id]],
  },
  users: {
    add: (accountId) => [[{ accountId, email: 'new@clinic.example', role: 'member' }]],
    setEmail: (id) => [[id, 'new@clinic.example']],
    setRole: (id) => [[id, 'member']],
    deactivate: (id) => [[id]],
    delete: (id) => [[id]],
    list: listArguments,
    search: (id) => [
      [{ text: 'clinic', limit: 1000 }],
      [{ text: 'clinic', limit: 1000, accountId: id }],
    ],
    find: (id) => [[id]],
    listSignInStatus: (id) => [[[id]]],
    invite: (id) => [[id]],
    inviteFirstOperator: () => [[]],
    setUsername: (id) => [[id, 'another-name']],
    signOut: (id) => [[id]],
    resetSecondFactor: (id) => [[id]],
    countKeys: (id) => [[[id]]],
  },
  sites: {
    add: (accountId) => [[{ accountId, name: SAMPLE_NAME }]],
    rename: (id) => [[id, SAMPLE_NAME]],
    delete: (id) => [[id]],
    list: listArguments,
    find: (id) => [[id]],
    countKeys: (id) => [[[id]]],
  },
  developers: {
    add: (accountId) => [[{ accountId, name: SAMPLE_NAME }]],
    rename: (id) => [[id, SAMPLE_NAME]],
    delete: (id) => [[id]],
    countKeys: (id) => [[[id]]],
    list: listArguments,
    find: (id) => [[id]],
  },
  ipAllowlist: {
    setEnforced: (id) => [[id, true]],
    add: (accountId) => [[{ accountId, network: '203.0.113.9' }]],
    delete: (id) => [[id]],
    list: (id) => [[id]],
    listSeenAddresses: (id) => [[id]],
  },
  sources: {
    add: (accountId) => [[{ accountId, name: SAMPLE_NAME }]],
    rename: (id) => [[id, SAMPLE_NAME]],
    delete: (id) => [[id]],
    list: listArguments,
    find: (id) => [[id]],
    findKey: (id) => [[id]],
  },
  destinations: {
    add: (accountId) => [[{ accountId, name: SAMPLE_NAME }]],
    rename: (id) => [[id, SAMPLE_NAME]],
    delete: (id) => [[id]],
    setUrl: (id) => [[id, 'https://elsewhere.example/']],
    setVerificationToken: (id) => [[id, 'another token']],
    verify: (id) => [[id]],
    setVerified: (id) => [
      [id, true],
      [id, false],
    ],
    list: listArguments,
    find: (id) => [[id]],
  },
  subscriptions: {
    create: (id, ownTenant) => [
      [{ sourceId: id, destinationId: ownTenant.destinationId }],
      [{ sourceId: ownTenant.sourceId, destinationId: id }],
      [{ sourceId: id, destinationId: id }],
    ],
    delete: (id) => [[id]],
    setStatus: (id) => [
      [id, 'paused'],
      [id, 'active'],
    ],
    purgeQueue: (id) => [[id]],
    find: (id) => [[id]],
    findTarget: (id) => [[id]],
    list: (id) => [
      ...listArguments(id),
      [{ ...SERVICE_LIST_PAGE, sourceId: id }],
      [{ ...SERVICE_LIST_PAGE, destinationId: id }],
    ],
  },
  keys: {
    create: (id, { engineerId, developerId }) => [
      [{ keyType: 'xdent', ownerId: id, name: SAMPLE_NAME }],
      [{ keyType: 'opendental', ownerId: id, developerId, name: SAMPLE_NAME }],
      [{ keyType: 'opendental', ownerId: engineerId, developerId: id, name: SAMPLE_NAME }],
      [{ keyType: 'xenrad', ownerId: engineerId, siteId: id, name: SAMPLE_NAME }],
      [{ keyType: 'redox', ownerId: engineerId, sourceId: id, name: SAMPLE_NAME }],
    ],
    viewSecret: (id) => [[id]],
    testJwks: (id) => [[id]],
    rotateSecret: (id) => [
      [id, {}],
      [id, { overlapMs: 1000 }],
    ],
    enable: (id) => [[id]],
    disable: (id) => [[id]],
    revoke: (id) => [[id]],
    delete: (id) => [[id]],
    assign: (id, { siteId, keyId }) => [
      [id, siteId],
      [id, null],
      [keyId, id],
    ],
    edit: (id, { keyId, engineerId }) => [
      [id, { name: SAMPLE_NAME }],
      [id, { ownerId: engineerId }],
      [keyId, { ownerId: id }],
      [keyId, { name: SAMPLE_NAME, seen: id }],
    ],
    list: (id) => [
      ...listArguments(id),
      [{ ...SERVICE_LIST_PAGE, ownerId: id }],
      [{ ...SERVICE_LIST_PAGE, developerId: id }],
    ],
    search: (id) => [
      [{ ...SERVICE_LIST_PAGE, order: 'newest' }],
      [{ ...SERVICE_LIST_PAGE, order: 'newest', accountId: id }],
      [{ ...SERVICE_LIST_PAGE, order: 'newest', siteId: id }],
    ],
    count: (id) => [
      [{}, 1000],
      [{ accountId: id }, 1000],
      [{ ownerId: id }, 1000],
    ],
    find: (id) => [[id]],
    listDailyUses: (id) => [[id, 0]],
    listDailyUsesByKey: (id) => [[[id], 0]],
  },
  sunsets: {
    find: (id) => [[id]],
    list: listArguments,
    listKeys: (id) => [
      ...listArguments(id),
      [{ ...SERVICE_LIST_PAGE, sourceId: id }],
      [{ ...SERVICE_LIST_PAGE, siteId: id }],
    ],
    plan: (id, { accountId }) =>
      listSunsetTargets(id, accountId).map((target) => [target, SERVICE_LIST_PAGE]),
    set: (id, { accountId }) => listSunsetTargets(id, accountId).map((target) => [target]),
    cancel: (id) => [[id]],
  },
  imports: {
    create: (id, { engineerId }) => [
      [createImportInput([{ owner: engineerId }], { accountId: id, isDryRun: true })],
      [createImportInput([{ type: 'xdent', public_id: 'a', owner: id }], { isDryRun: true })],
      [createImportInput([{ type: 'xdent', public_id: 'a', account: id }], { isDryRun: true })],
    ],
    addPepper: (accountId) => [[{ accountId, name: SAMPLE_NAME, pepper: 'pepper-0123' }]],
    list: listArguments,
    find: (id) => [[id]],
    undo: (id) => [[id, {}]],
    exportKeys: (accountId) => [[{ withSecrets: true }], [{ accountId, withSecrets: true }]],
    listUnseen: (id) => [...listArguments(id), [{ ...SERVICE_LIST_PAGE, importId: id }]],
  },
  messages: {
    list: listArguments,
    find: (id) => [[id]],
    listAttempts: (id) => [[id]],
    sendTest: (id, { sourceId, destinationId }) => [
      [id, createTestMessageInput(destinationId), createTestCaller()],
      [sourceId, createTestMessageInput(id), createTestCaller()],
    ],
    replay: (id, { messageId, destinationId }) => [[id], [id, destinationId], [messageId, id]],
    skip: (id, { messageId, destinationId }) => [[id], [id, destinationId], [messageId, id]],
    readPayload: (id) => [[id]],
  },
  dashboard: {
    sumTraffic: (accountId) => [[{ fromHour: 0, hours: 24, accountId }]],
    countKeysByType: () => [[]],
    findAttention: () => [[]],
    findSetupProgress: () => [[]],
  },
  audit: {
    list: (id) => [
      ...listArguments(id),
      [{ ...SERVICE_LIST_PAGE, subject: id }],
      [{ ...SERVICE_LIST_PAGE, actor: id }],
    ],
    verify: () => [[ignoreProgress]],
    acceptRestore: () => [[]],
    exportLines: () => [[ignoreProgress]],
    findNames: (id) => [[[id]]],
    findSubjectId: (id) => [[id]],
    explain: (id) => [[id]],
  },
}
