import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import type { Role } from '../../../src/domain/role.ts'
import type { ActorServices } from '../../../src/service/actor-services.ts'
import type { ServiceResult } from '../../../src/service/service-result.ts'
import { executeSql } from '../../support/database/data-folder.ts'
import { createTestServer, type TestServer, unwrap } from '../../support/server.ts'

let server: TestServer
let accountId: string

beforeAll(async () => {
  server = await createTestServer()
  accountId = unwrap(await server.accounts.create({ name: 'Clinic' })).id
})
afterAll(() => server.close())

const addUser = async (role: Role) => {
  const email = `${crypto.randomUUID()}@clinic.example`
  return unwrap(await server.users.add({ accountId, email, role }))
}

/** The services of a user of the account. */
async function seedActor(role: Role) {
  const user = await addUser(role)
  const services = server.servicesFor({ actor: user.id, role, accountId })
  return { user, services, users: services.users }
}

const createEvent = (id: string) => ({
  id: crypto.randomUUID(),
  at: 1,
  actor: id,
  action: 'test.done',
  subject: id,
  facts: {},
  requestId: null,
})

const expectedForbidden = (message: string) => ({
  ok: false,
  failure: { problem: 'forbidden', message },
})

test('an administrator grants their own role and lower ones in their account', async () => {
  const { users } = await seedActor('administrator')
  const { id } = await addUser('member')
  for (const role of ['engineer', 'administrator', 'member'] as const) {
    expect(unwrap(await users.setRole(id, role)).role).toBe(role)
  }
})

test('an administrator cannot make a user operator', async () => {
  const { users } = await seedActor('administrator')
  const { id } = await addUser('administrator')
  const only = expectedForbidden('your role does not allow you to assign the role operator')
  expect(await users.setRole(id, 'operator')).toEqual(only)
  const email = 'op@clinic.example'
  expect(await users.add({ accountId, email, role: 'operator' })).toEqual(only)
  expect(unwrap(await server.users.find(id)).role).toBe('administrator')
})

test('an administrator can neither demote nor deactivate an operator of the account', async () => {
  const { users } = await seedActor('administrator')
  const operator = await addUser('operator')
  const not = expectedForbidden(
    `${operator.email} has the role operator: only a user with that role or a higher one can change them`,
  )
  expect(await users.setRole(operator.id, 'member')).toEqual(not)
  expect(await users.deactivate(operator.id)).toEqual(not)
  expect(unwrap(await server.users.find(operator.id))).toEqual(operator)
})

test.each<Role>(['administrator', 'operator'])(
  'nobody changes their own role or leaves by their own hand: %s',
  async (role) => {
    const { user, users } = await seedActor(role)
    const not = expectedForbidden(
      'you cannot change your own role or deactivate yourself: ask another administrator',
    )
    expect(await users.setRole(user.id, 'member')).toEqual(not)
    expect(await users.deactivate(user.id)).toEqual(not)
    expect(unwrap(await server.users.find(user.id))).toEqual(user)
  },
)

/** Storage functions that change another user, and the service call that uses each. */
const RACES = {
  setUsername: ({ users }, id) => users.setUsername(id, 'taken-over'),
  setSecondFactor: ({ users }, id) => users.resetSecondFactor(id),
  setUserEmail: ({ users }, id) => users.setEmail(id, 'taken-over@clinic.example'),
  setUserRole: ({ users }, id) => users.setRole(id, 'member'),
  deactivateUser: ({ users }, id) => users.deactivate(id),
} as const satisfies Partial<
  Record<
    keyof TestServer['storage'],
    (services: ActorServices, id: string) => Promise<ServiceResult<unknown>>
  >
>

test.each(Object.entries(RACES))(
  'a user who was given a higher role meanwhile is not changed by an actor of a lower one: %s',
  async (verb, work) => {
    const { user } = await seedActor('administrator')
    const { id, email } = await addUser('engineer')
    const { storage } = server
    const totp = { sealed: 'sealed', recoveryDigests: [] }
    await storage.setSecondFactor(id, totp, createEvent(id))
    const write = storage[verb as keyof typeof RACES] as (...args: unknown[]) => Promise<boolean>
    let raised = {}
    const changeRoleFirst = async (...args: unknown[]) => {
      Object.assign(storage, { [verb]: write })
      raised = unwrap(await server.users.setRole(id, 'operator'))
      return write(...args)
    }
    Object.assign(storage, { [verb]: changeRoleFirst })
    const services = server.servicesFor({ actor: user.id, role: user.role, accountId })
    const message = `${email} was changed by another user at the same time. Nothing was done: try again`
    expect(await work(services, id)).toEqual({
      ok: false,
      failure: { problem: 'conflict', message },
    })
    expect(unwrap(await server.users.find(id))).toEqual(raised)
    expect((await storage.findCredentialsByUserId(id))?.sealedTotp).toBe('sealed')
  },
)

test('a user’s actions are found in the audit by the user’s id and by the request id', async () => {
  const { user } = await seedActor('administrator')
  const requestId = crypto.randomUUID()
  const services = server.servicesFor({ actor: user.id, role: user.role, accountId, requestId })
  const site = unwrap(await services.sites.add({ accountId, name: 'North' }))
  const [event] = await services.audit.list({ actor: user.id, limit: 1 })
  expect(event).toMatchObject({ action: 'site.created', subject: site.id, requestId })
  const { decisions } = unwrap(await services.audit.explain(requestId))
  expect(decisions.map(({ sentence }) => sentence)).toEqual([`site.created of ${site.id}.`])
})

test('of two operators who demote each other at once, the last one who can sign in stays', async () => {
  const [ann, bob, eve] = [
    await seedActor('operator'),
    await seedActor('operator'),
    await seedActor('operator'),
  ]
  const ids = [ann, bob].map(({ user }) => `'${user.id}'`).join()
  executeSql(
    join(server.dir, 'latchkey.db'),
    `update users set password_hash = 'argon2id' where id in (${ids})`,
  )
  const [first, second] = await Promise.all([
    ann.users.setRole(bob.user.id, 'member'),
    bob.users.setRole(ann.user.id, 'member'),
  ])
  expect([first.ok, second.ok].sort()).toEqual([false, true])
  const last = first.ok ? ann.user : bob.user
  const message = `${last.email} is the last operator who can sign in: make another user an operator first`
  expect(first.ok ? second : first).toEqual({
    ok: false,
    failure: { problem: 'conflict', message },
  })

  // An operator without a password does not count.
  const stays = { ok: false, failure: { problem: 'conflict', message } }
  expect(await eve.users.setRole(last.id, 'administrator')).toEqual(stays)
  expect(await eve.users.deactivate(last.id)).toEqual(stays)
  expect(await server.accounts.setStatus(accountId, 'closed')).toMatchObject({
    ok: false,
    failure: { problem: 'conflict' },
  })
  expect(unwrap(await server.accounts.find(accountId)).status).toBe('open')

  executeSql(
    join(server.dir, 'latchkey.db'),
    `update users set password_hash = 'argon2id' where id = '${eve.user.id}'`,
  )
  expect(unwrap(await eve.users.deactivate(last.id)).deactivatedAt).not.toBeNull()
})
