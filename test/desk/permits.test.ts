import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { isOfServer, may, ROLES } from '../../src/domain/role.ts'
import { dump, textOf } from '../support/desk/rows.ts'
import { seedTenant, type Tenant } from '../support/desk/tenant.ts'
import { answerOf, verbsOf } from '../support/desk/verbs.ts'
import { type TestServer, testServer } from '../support/server.ts'

let server: TestServer
let tenant: Tenant

beforeAll(async () => {
  server = await testServer()
  tenant = await seedTenant(server)
})
afterAll(() => server.close())

const deskOf = (role: (typeof ROLES)[number]) =>
  server.deskOf({ actor: tenant.memberId, role, accountId: tenant.accountId })

describe.each(ROLES)('%s', (role) => {
  test('is refused every verb that the role does not permit, and nothing is changed', async () => {
    const refused = verbsOf(deskOf(role)).filter(
      ({ permission }) => !may(role, permission) || isOfServer(permission),
    )
    const before = dump(server.dir).map(textOf)
    for (const { path, permission, verb, calls } of refused) {
      for (const id of [tenant.keyId, tenant.accountId, tenant.memberId]) {
        const [args = []] = calls(id, tenant)
        const refusal = `Forbidden: this needs the permission ${permission}`
        expect(await answerOf(verb, args), path).toBe(refusal)
      }
    }
    expect(dump(server.dir).map(textOf)).toEqual(before)
  })

  test('is refused no other', async () => {
    const nobody = crypto.randomUUID()
    for (const { path, permission, verb, calls } of verbsOf(deskOf(role))) {
      if (!may(role, permission) || isOfServer(permission)) continue
      for (const args of calls(nobody, tenant)) {
        expect(await answerOf(verb, args), path).not.toContain('Forbidden')
      }
    }
  })

  test('is told what may be shown', () => {
    const desk = deskOf(role)
    expect(desk.may('keys.read')).toBe(true)
    expect(desk.may('keys.write')).toBe(role !== 'member')
    expect(desk.may('accounts.write')).toBe(false)
  })
})

test('what each role is permitted first, verb by verb', () => {
  const first = new Map<string, string[]>(ROLES.map((role) => [role, []]))
  for (const { path, permission } of verbsOf(deskOf('operator'))) {
    first.get(ROLES.find((role) => may(role, permission)) ?? '')?.push(path)
  }
  expect(
    Object.fromEntries([...first].map(([role, paths]) => [role, paths.join(' ')])),
  ).toMatchInlineSnapshot(`
    {
      "administrator": "accounts.setDepartedKeys accounts.rename accounts.addUser accounts.setEmail accounts.setRole accounts.leave people.invite people.setUsername people.signOut people.resetSecondFactor places.addSite places.renameSite places.removeSite places.addDeveloper places.renameDeveloper places.removeDeveloper places.enforceAddresses places.addAddress places.removeAddress routes.setVerified",
      "engineer": "routes.renameSource routes.renameDestination routes.unsubscribe routes.addSource routes.addDestination routes.moveDestination routes.setToken routes.verify routes.subscribe routes.setSubscriptionStatus routes.purge keys.create keys.view keys.rotateSecret keys.enable keys.disable keys.revoke keys.remove keys.assign keys.edit messages.sendTest messages.replay messages.skip messages.open",
      "member": "accounts.list accounts.find accounts.listUsers accounts.searchUsers accounts.findUser people.standings places.listSites places.findSite places.listDevelopers places.findDeveloper places.countKeys places.listAddresses places.seenAddresses routes.listFeeds routes.findListedFeed routes.findKeyOf routes.listSources routes.findSource routes.listDestinations routes.findDestination routes.findFeed routes.listSubscriptions routes.findSubscription routes.findReceiver keys.list keys.search keys.count keys.find keys.usesOf keys.uses messages.list messages.find messages.attempts audit.list audit.names audit.idOf overview.traffic overview.keys overview.beginning overview.attention explain",
      "operator": "accounts.create accounts.setStatus people.inviteFirst audit.verify audit.acceptRestore audit.lines",
    }
  `)
})

test('nobody but an operator has all accounts in sight', () => {
  for (const role of ROLES) {
    const open = () => server.deskOf({ actor: tenant.memberId, role, accountId: null })
    if (role === 'operator') expect(open().may('audit.export')).toBe(true)
    else expect(open).toThrow('has one account in sight')
  }
})
