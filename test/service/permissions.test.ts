import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { hasPermission, isServerPermission, ROLES } from '../../src/domain/role.ts'
import { readAllRows, toRowText } from '../support/database/data-folder.ts'
import { createTestServer, type TestServer } from '../support/server.ts'
import { callToText, listServiceVerbs } from '../support/tenancy/service-calls.ts'
import { seedTenant, type Tenant } from '../support/tenancy/tenant.ts'

let server: TestServer
let tenant: Tenant

beforeAll(async () => {
  server = await createTestServer()
  tenant = await seedTenant(server)
})
afterAll(() => server.close())

const createRoleServices = (role: (typeof ROLES)[number]) =>
  server.servicesFor({ actor: tenant.memberId, role, accountId: tenant.accountId })

describe.each(ROLES)('%s', (role) => {
  test('is refused every verb that the role does not permit, and nothing is changed', async () => {
    const refused = listServiceVerbs(createRoleServices(role)).filter(
      ({ permission }) => !hasPermission(role, permission) || isServerPermission(permission),
    )
    const before = readAllRows(server.dir).map(toRowText)
    for (const { path, permission, call, listArguments } of refused) {
      for (const id of [tenant.keyId, tenant.accountId, tenant.memberId]) {
        const [args = []] = listArguments(id, tenant)
        const refusal = `Forbidden: this needs the permission ${permission}`
        expect(await callToText(call, args), path).toBe(refusal)
      }
    }
    expect(readAllRows(server.dir).map(toRowText)).toEqual(before)
  })

  test('is refused no other', async () => {
    const nobody = crypto.randomUUID()
    for (const { path, permission, call, listArguments } of listServiceVerbs(
      createRoleServices(role),
    )) {
      if (!hasPermission(role, permission) || isServerPermission(permission)) continue
      for (const args of listArguments(nobody, tenant)) {
        expect(await callToText(call, args), path).not.toContain('Forbidden')
      }
    }
  })

  test('is told what may be shown', () => {
    const services = createRoleServices(role)
    expect(services.can('keys.read')).toBe(true)
    expect(services.can('keys.write')).toBe(role !== 'member')
    expect(services.can('accounts.write')).toBe(false)
  })
})

test('what each role is permitted first, verb by verb', () => {
  const first = new Map<string, string[]>(ROLES.map((role) => [role, []]))
  for (const { path, permission } of listServiceVerbs(createRoleServices('operator'))) {
    first.get(ROLES.find((role) => hasPermission(role, permission)) ?? '')?.push(path)
  }
  expect(
    Object.fromEntries([...first].map(([role, paths]) => [role, paths.join(' ')])),
  ).toMatchInlineSnapshot(`
    {
      "administrator": "accounts.setOffboardingPolicy accounts.rename users.add users.setEmail users.setRole users.deactivate users.invite users.setUsername users.signOut users.delete users.resetSecondFactor sites.add sites.rename sites.delete developers.add developers.rename developers.delete ipAllowlist.setEnforced ipAllowlist.add ipAllowlist.delete destinations.setVerified",
      "engineer": "sources.add sources.rename sources.delete destinations.add destinations.setUrl destinations.setVerificationToken destinations.verify destinations.rename destinations.delete subscriptions.create subscriptions.setStatus subscriptions.delete subscriptions.purgeQueue keys.create keys.viewSecret keys.rotateSecret keys.enable keys.disable keys.revoke keys.delete keys.assign keys.edit messages.sendTest messages.replay messages.skip messages.readPayload",
      "member": "accounts.list accounts.find users.list users.search users.find users.countKeys users.listSignInStatus sites.list sites.find sites.countKeys developers.list developers.find developers.countKeys ipAllowlist.list ipAllowlist.listSeenAddresses sources.list sources.find sources.findKey destinations.list destinations.find subscriptions.list subscriptions.find subscriptions.findTarget keys.list keys.search keys.count keys.find keys.listDailyUsesByKey keys.listDailyUses messages.list messages.find messages.listAttempts audit.list audit.findNames audit.findSubjectId dashboard.sumTraffic dashboard.countKeysByType dashboard.findSetupProgress dashboard.findAttention explain",
      "operator": "accounts.create accounts.setStatus accounts.delete users.inviteFirstOperator audit.verify audit.acceptRestore audit.exportLines",
    }
  `)
})

test('nobody but an operator has all accounts in sight', () => {
  for (const role of ROLES) {
    const openWithoutAccount = () =>
      server.servicesFor({ actor: tenant.memberId, role, accountId: null })
    if (role === 'operator') expect(openWithoutAccount().can('audit.export')).toBe(true)
    else expect(openWithoutAccount).toThrow('has one account in sight')
  }
})
