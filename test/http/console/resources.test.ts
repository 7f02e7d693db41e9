import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { z } from 'zod'
import {
  formatMemberLabel,
  memberFields,
  readMembers,
} from '../../../src/http/console/components/members.ts'
import type { PageContext } from '../../../src/http/console/context.ts'
import { defineOperation, listMembers, listResultMembers } from '../../../src/operations/define.ts'
import { getOperation } from '../../../src/operations/registry.ts'
import { type ConsoleClient, seedConsoleClient } from '../../support/console-client.ts'
import { openRoutingFixture, type RoutingFixture } from '../../support/routing-fixture.ts'
import { unwrap } from '../../support/server.ts'

let fixture: RoutingFixture
let operator: ConsoleClient
let rowIds: Readonly<Record<(typeof GROUPS)[number], string>>
beforeAll(async () => {
  fixture = await openRoutingFixture()
  const { server, accountId, sourceId, destinationId } = fixture
  operator = await seedConsoleClient(server, 'operator')
  await operator.send('/console/account', { account: accountId })
  const row = { accountId, name: 'One' }
  const email = 'one@clinic.example'
  rowIds = {
    sites: unwrap(await server.sites.add(row)).id,
    developers: unwrap(await server.developers.add(row)).id,
    users: unwrap(await server.users.add({ accountId, email, role: 'engineer' })).id,
    sources: sourceId,
    destinations: destinationId,
    accounts: accountId,
  }
})
afterAll(() => fixture.close())

const GROUPS = ['sites', 'developers', 'users', 'sources', 'destinations', 'accounts'] as const
const listBodyMembers = (id: `${string}.${string}`) =>
  listMembers(getOperation(id)).filter(({ part, name }) => part === 'body' && name !== 'id')

describe.each(GROUPS)('the console shows every member of the operations of %s:', (group) => {
  test('each member of a new one has a field', async () => {
    if (group === 'accounts') await operator.send('/console/account', { account: '' })
    const { html } = await operator.get(`/console/${group}/new`)
    for (const { name } of listBodyMembers(`${group}.create`)) {
      expect(html).toContain(` name="${name}"`)
    }
  })

  test('each member of a row is among its details, except times of events that have not happened', async () => {
    const { html } = await operator.get(`/console/${group}/${rowIds[group]}`)
    const shown = listResultMembers(getOperation(`${group}.show`)).filter(
      ({ name }) => !['id', 'name', 'accountId', 'deactivatedAt'].includes(name),
    )
    for (const member of shown) expect(html).toContain(`<dt>${formatMemberLabel(member)}</dt>`)
    expect(html).toContain(`data-copy="${rowIds[group]}"`)
  })

  test('each column of the command line is in the list', async () => {
    const { html } = await operator.get(`/console/${group}`)
    // The first column of users has both names, and the column of the sign-in tells of a deactivation.
    const shownElsewhere =
      group === 'users' ? ['email', 'username', 'deactivatedAt', 'createdAt'] : []
    const { columns = [] } = getOperation(`${group}.list`)
    const members = listResultMembers(getOperation(`${group}.show`)).filter(
      ({ name }) =>
        columns.includes(name) && !['id', 'accountId', 'name', ...shownElsewhere].includes(name),
    )
    for (const member of members) {
      expect(html).toContain(`<th scope="col">${formatMemberLabel(member)}</th>`)
    }
  })
})

describe('a member of an operation becomes a field by its schema:', () => {
  const operation = defineOperation({
    id: 'sites.test',
    method: 'post',
    path: '/test',
    serviceMethods: [],
    summary: 'Test a site',
    body: z.strictObject({
      id: z.uuid().optional(),
      displayName: z.string(),
      note: z.string().optional(),
      email: z.string().meta({ format: 'email' }),
      token: z.string().meta({ title: 'Access token', format: 'password' }),
      method: z.enum(['POST', 'GET']).optional().meta({ default: 'POST' }),
      mode: z.enum(['a', 'b']).optional(),
      days: z.number().int().meta({ description: 'Days until `it` ends' }),
      isOpen: z.boolean().optional(),
    }),
    response: z.object({}),
    run: async () => ({ ok: true, value: {} }),
  })
  const createContext = (query: string) =>
    ({ input: new URLSearchParams(query) }) as unknown as PageContext
  const renderFields = async (query: string) => {
    const context = createContext(query)
    const getValue = (name: string) => context.input.get(name) ?? ''
    return String(await Promise.all(memberFields(context, operation, { getValue })))
  }

  test('text, e-mail addresses, passwords, choices, numbers and checkboxes', async () => {
    const html = await renderFields('displayName=Front+desk&token=hidden&mode=b&isOpen=yes')
    expect(html).toContain('<label for="displayName">Display name</label>')
    expect(html).toMatch(/name="displayName" type="text" value="Front desk" required/)
    expect(html).toMatch(/name="note" type="text" value=""(?! required)/)
    expect(html).toMatch(/name="email" type="email"/)
    expect(html).toContain('<label for="token">Access token</label>')
    expect(html).toMatch(/name="token" type="password" value=""/)
    expect(html).not.toContain('hidden"')
    expect(html).toMatch(
      /name="method"[^>]*><option value="POST">POST<\/option><option value="GET">/,
    )
    expect(html).toMatch(/name="mode"[^>]*><option value="">.*<option value="b" selected>/)
    expect(html).toMatch(/name="days" type="text" value="" required[^>]* inputmode="numeric"/)
    expect(html).toContain('Days until <code>it</code> ends.')
    expect(html).toMatch(/type="checkbox" name="isOpen" value="yes" checked/)
    expect(html).not.toContain('name="id"')
  })

  test('and the typed values become the body, without empty fields', () => {
    const query = 'id=mine&displayName=+Desk+&email=a%40b.example&token=t&method=GET&mode=&days=12'
    expect(readMembers(createContext(query), operation)).toEqual({
      displayName: 'Desk',
      email: 'a@b.example',
      token: 't',
      method: 'GET',
      days: 12,
      isOpen: false,
    })
  })
})

test.each([
  ['/console/', '/console'],
  ['/console/keys/any/disable', '/console/keys/any'],
  ['/console/keys/any/view-secret', '/console/keys/any'],
  ['/console/sites/any/rename', '/console/sites/any'],
  ['/console/me/sessions/any/end', '/console/me'],
  ['/console/sign-out', '/console'],
])('the console redirects a GET of %s, which is no page, to %s', async (path, page) => {
  expect(await operator.get(path)).toMatchObject({ status: 303, location: page })
})
