import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { someone, type Visitor, visitor } from '../support/browsing.ts'
import { PASSWORD, type Person, seen, setUpApp, signIn } from '../support/people.ts'
import { done, type TestServer, testServer } from '../support/server.ts'

let server: TestServer
let administrator: Visitor & { readonly person: Person }
let accountId: string

beforeAll(async () => {
  server = await testServer()
  administrator = await someone(server, 'administrator')
  accountId = administrator.person.accountId
})
afterAll(() => server.close())

const PEOPLE = '/console/people'
/** Who changes how somebody comes in types his own password. */
const PROOF = { 'your-password': PASSWORD }
const at = (id: string, verb = '') => `${PEOPLE}/${id}${verb === '' ? '' : `/${verb}`}`
const mate = (role: 'administrator' | 'engineer' | 'member' | 'operator') =>
  someone(server, role, accountId)

describe('a change of a person takes effect at once', () => {
  test('a role that is changed while he is signed in is felt at his next click', async () => {
    const engineer = await mate('engineer')
    const { id } = engineer.person.user
    const maker = done(await server.places.addDeveloper({ accountId, name: 'Maker' }))
    const NEW = `/console/developers/${maker.id}/portal-key/new`
    expect((await engineer.get(NEW)).status).toBe(200)
    const changed = await administrator.fill(at(id), at(id, 'role'), { role: 'member', ...PROOF })
    expect(changed.location).toBe(`${at(id)}?said=user-role-changed`)
    expect((await engineer.get(NEW)).status).toBe(403)
    expect((await engineer.send(NEW, { name: 'x' })).status).toBe(403)
    const { text, html } = await engineer.get(`/console/developers/${maker.id}`)
    expect(text).toContain('member, Acme Health')
    expect(html).not.toContain('portal-key/new')
  })

  test('who has left is out, and cannot come in again', async () => {
    const gone = await mate('engineer')
    const { id, email } = gone.person.user
    expect((await gone.get('/console/me')).status).toBe(200)
    const asked = await administrator.get(at(id, 'leave'))
    expect(asked.text).toContain(`Let ${email} leave?`)
    const left = await administrator.send(at(id, 'leave'))
    expect(left.location).toBe(`${at(id)}?said=user-left`)
    expect((await gone.get('/console/people')).location).toContain('/console/sign-in')
    expect((await gone.send('/console/theme')).status).toBe(401)
    const { username, password } = gone.person
    expect((await gone.send('/console/sign-in', { username, password })).status).toBe(401)
    const { text, html } = await administrator.get(at(id))
    expect(text).toContain('Has left')
    expect(text).not.toContain('1 browser or token')
    expect(html).not.toContain(at(id, 'role'))
    expect((await administrator.send(at(id, 'leave'))).status).toBe(409)
  })

  test('who is signed out everywhere is asked for his password at his next click', async () => {
    const out = await mate('engineer')
    const { id } = out.person.user
    const done = await administrator.fill(at(id), at(id, 'sign-out'))
    expect(done.location).toBe(`${at(id)}?said=user-signed-out`)
    expect((await out.get('/console/me')).location).toContain('/console/sign-in')
    await visitor(server, out.person)
  })

  test('a second factor is reset after it was asked for once more', async () => {
    const { person } = await mate('engineer')
    const { id } = person.user
    await setUpApp(server, await seen(server, (await signIn(server, person)).secret))
    expect((await administrator.get(at(id))).text).toContain('Second factor on')
    const verb = at(id, 'reset-second-factor')
    const reset = await administrator.fill(verb, verb, PROOF)
    expect(reset.location).toBe(`${at(id)}?said=user-second-factor-reset`)
    await visitor(server, person)
    expect((await administrator.send(verb, PROOF)).status).toBe(409)
  })
})

describe('a one-time link', () => {
  test('is shown once, to who adds somebody, and lets him in', async () => {
    const email = `${crypto.randomUUID()}@acme.example`
    const { html } = await administrator.get(`${PEOPLE}/new`)
    expect(html).toContain('name="invite" value="yes" checked')
    const form = { account: accountId, email, username: `u-${crypto.randomUUID()}` }
    const wish = { ...form, role: 'member', invite: 'yes', ...PROOF }
    const shown = await administrator.send(`${PEOPLE}/new`, wish)
    expect(shown.status).toBe(200)
    expect(shown.headers.get('cache-control')).toBe('no-store')
    const link = /data-copy="(https:[^"]+)"/.exec(shown.html)?.[1] ?? ''
    expect(link).toMatch(/^https:\/\/console\.example\/console\/welcome\/lk_/)
    const again = await administrator.send(`${PEOPLE}/new`, wish)
    expect(again.status).toBe(409)
    expect(again.html).toContain(`value="${email}"`)
    expect(again.html).not.toContain('/console/welcome/')
    const typed = { password: PASSWORD, again: PASSWORD }
    const set = await administrator.send(new URL(link).pathname, typed)
    expect(set.location).toBe('/console/sign-in?said=password-set')
    expect((await administrator.get(set.location ?? '')).text).toContain('Your password is set.')
    await visitor(server, { username: form.username, password: PASSWORD })
  })

  test('is made anew by another form, and not by the same form again', async () => {
    const { person } = await mate('member')
    const { id } = person.user
    const page = await administrator.get(at(id, 'invite'))
    const form = { seen: page.field('seen') ?? '', ...PROOF }
    const shown = await administrator.send(at(id, 'invite'), form)
    expect(shown.html).toContain('/console/welcome/')
    const again = await administrator.send(at(id, 'invite'), form)
    expect(again.status).toBe(409)
    expect(again.html).not.toContain('/console/welcome/')
    expect(again.text).toContain('A link was made since this page was loaded')
  })
})

describe('nobody raises anybody above himself', () => {
  test('an administrator is not offered to make an operator, and is refused it', async () => {
    const { html } = await administrator.get(`${PEOPLE}/new`)
    expect([...html.matchAll(/name="role" value="(\w+)"/g)].map(([, role]) => role)).toEqual([
      'member',
      'engineer',
      'administrator',
    ])
    const email = `${crypto.randomUUID()}@acme.example`
    const form = { account: accountId, email, role: 'operator', ...PROOF }
    const refused = await administrator.send(`${PEOPLE}/new`, form)
    expect(refused.status).toBe(403)
    expect(refused.text).toContain('Only who is operator may make somebody operator.')
  })

  test('an operator of the account is shown, not changed', async () => {
    const { person } = await mate('operator')
    const { id } = person.user
    const { text, html } = await administrator.get(at(id))
    expect(text).toContain('Only another operator may change this person.')
    expect(html).not.toContain(`action="${at(id)}`)
    for (const verb of ['invite', 'leave', 'sign-out', 'reset-second-factor']) {
      const form = { seen: (await lastInvited(id)) ?? '', ...PROOF }
      expect([verb, (await administrator.send(at(id, verb), form)).status]).toEqual([verb, 403])
    }
    const demoted = { seen: 'operator', role: 'member', ...PROOF }
    expect((await administrator.send(at(id, 'role'), demoted)).status).toBe(403)
  })

  test('nobody changes himself here', async () => {
    const { id } = administrator.person.user
    const { html } = await administrator.get(at(id))
    expect(html).not.toContain(`action="${at(id)}`)
    expect(html).toContain('href="/console/me"')
    const raised = { seen: 'administrator', role: 'member', ...PROOF }
    expect((await administrator.send(at(id, 'role'), raised)).status).toBe(403)
  })

  const lastInvited = async (subject: string) =>
    (await server.storage.listEvents({ subject, action: 'user.invited', limit: 1 }))[0]?.id
})

test('of two who change one role, the second is told and sees both', async () => {
  const { person } = await mate('member')
  const { id } = person.user
  done(await server.accounts.setRole(id, 'engineer'))
  const late = { seen: 'member', role: 'administrator', ...PROOF }
  const refused = await administrator.send(at(id, 'role'), late)
  expect(refused.status).toBe(409)
  expect(refused.text).toContain('it is “engineer” now, and you typed “administrator”')
  expect(refused.html).toMatch(/value="administrator" required checked/)
  const insists = await administrator.send(at(id, 'role'), { ...late, seen: 'engineer' })
  expect(insists.status).toBe(303)
})

test('a username that somebody has is refused, and is still in the form', async () => {
  const [one, other] = [await mate('member'), await mate('member')]
  const { id } = one.person.user
  const typed = { username: other.person.username }
  const refused = await administrator.fill(at(id), at(id, 'username'), typed)
  expect(refused.status).toBe(409)
  expect(refused.html).toContain(`name="username" type="text" value="${other.person.username}"`)
  const long = { username: '<b>'.repeat(3_000) }
  const unfit = await administrator.fill(at(id), at(id, 'username'), long)
  expect(unfit.status).toBe(422)
  expect(unfit.html).not.toContain('<b>')
  const fits = { username: `new-${crypto.randomUUID()}` }
  const set = await administrator.fill(at(id), at(id, 'username'), fits)
  expect(set.location).toBe(`${at(id)}?said=user-username-set`)
})

test('an e-mail address is set, once in the account, and what was typed stays in the form', async () => {
  const [one, other] = [await mate('member'), await mate('member')]
  const { id } = one.person.user
  const taken = { email: other.person.user.email }
  const refused = await administrator.fill(at(id), at(id, 'email'), taken)
  expect(refused.status).toBe(409)
  expect(refused.text).toContain('is already a user of this account.')
  expect(refused.field('email')).toBe(taken.email)
  expect((await administrator.fill(at(id), at(id, 'email'), { email: 'none' })).status).toBe(422)
  const fits = { email: `new-${crypto.randomUUID()}@acme.example` }
  const set = await administrator.fill(at(id), at(id, 'email'), fits)
  expect(set.location).toBe(`${at(id)}?said=user-email-set`)
  expect((await administrator.get(at(id))).text).toContain(fits.email)
  const late = { seen: one.person.user.email, email: 'late@acme.example' }
  expect((await administrator.send(at(id, 'email'), late)).status).toBe(409)
})

test('the list says who can sign in, who was invited, who has left, and when each was seen', async () => {
  const admin = await someone(server, 'administrator')
  const of = admin.person.accountId
  const email = (name: string) => `${name}-${crypto.randomUUID()}@acme.example`
  const add = async (name: string) =>
    done(await server.accounts.addUser({ accountId: of, email: email(name), role: 'member' }))
  const [invited, gone, silent] = [await add('invited'), await add('gone'), await add('silent')]
  done(await server.people.invite(invited.id))
  done(await server.accounts.leave(gone.id))
  const { text } = await admin.get(PEOPLE)
  expect(text).toContain(`${admin.person.username} administrator ✓ Can sign in 0 just now`)
  expect(text).toContain(`${invited.email} member ! Invited 0 never`)
  expect(text).toContain(`${gone.email} member × Has left 0 never`)
  expect(text).toContain(`${silent.email} member Cannot sign in 0 never`)
  const found = await admin.get(`${PEOPLE}?q=INVITED-`)
  expect(found.text).toContain(invited.email)
  expect(found.text).not.toContain(silent.email)
  expect((await admin.get(`${PEOPLE}?q=nobody-at-all`)).text).toContain('Nobody is called so')
})

test('what each role may is the table that the server goes by', async () => {
  const { text } = await administrator.get(`${PEOPLE}/roles`)
  const [member = '', engineer = '', administrators = '', operator = ''] =
    /member (Looks.*) engineer (All.*) administrator (All.*) operator (All.*)/
      .exec(text)
      ?.slice(1) ?? []
  expect(member).toContain('See keys, never their secrets')
  expect(engineer).toContain('View secrets that can be viewed again')
  expect(administrators).toContain('Change sites and developers')
  expect(operator).toContain('Create, close and open accounts')
})

test('who only reads sees people, and changes none', async () => {
  const member = await mate('member')
  const { id } = administrator.person.user
  const { html, status } = await member.get(PEOPLE)
  expect(status).toBe(200)
  expect(html).not.toContain(`href="${PEOPLE}/new"`)
  for (const verb of [
    'role',
    'username',
    'email',
    'invite',
    'sign-out',
    'leave',
    'reset-second-factor',
  ]) {
    expect([verb, (await member.send(at(id, verb))).status]).toEqual([verb, 403])
  }
  expect((await member.get(`${PEOPLE}/new`)).status).toBe(403)
})
