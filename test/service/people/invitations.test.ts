import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { from, got, PASSWORD, seedPerson, signIn } from '../../support/people.ts'
import { done, type TestServer, testServer } from '../../support/server.ts'

const HOUR = 3_600_000
const gone = { ok: false, failure: { reason: 'gone' } }
const first = {
  accountName: 'Acme Health',
  email: 'boss@acme.example',
  username: 'boss',
  password: PASSWORD,
}

let server: TestServer
beforeEach(async () => {
  server = await testServer()
})
afterEach(() => server.close())

/** Somebody who can not sign in yet. */
async function newcomer(username?: string) {
  const accountId = done(await server.accounts.create({ name: 'Acme' })).id
  const email = `${crypto.randomUUID()}@acme.example`
  const wish = { accountId, email, role: 'member', ...(username && { username }) } as const
  return done(await server.accounts.addUser(wish))
}

describe('the link to the first operator', () => {
  test('makes an account and its operator, who signs in', async () => {
    const { link, secret } = done(await server.people.inviteFirst())
    expect(link).toBe(`https://console.example/console/welcome/${secret}`)
    // Looking at it takes nothing.
    for (let n = 0; n < 2; n++) {
      expect(got(await server.access.welcome(secret))).toEqual({ for: 'first_operator' })
    }
    const user = got(await server.access.accept(secret, first, from()))
    const { signedIn } = await signIn(server, { user, accountId: user.accountId, ...first })
    expect(signedIn.user).toMatchObject({ role: 'operator', email: 'boss@acme.example' })
    expect(signedIn.account.name).toBe('Acme Health')
    expect(await server.access.welcome(secret)).toEqual(gone)
    expect(await server.people.inviteFirst()).toMatchObject({ failure: { problem: 'conflict' } })
  })

  test('makes one of two who use it at once', async () => {
    const { secret } = done(await server.people.inviteFirst())
    const other = { ...first, username: 'other', accountName: 'Other' }
    const answers = await Promise.all([
      server.access.accept(secret, first, from()),
      server.access.accept(secret, other, from()),
    ])
    expect(answers.map(({ ok }) => ok).sort()).toEqual([false, true])
    expect(answers).toContainEqual(gone)
    expect(await server.accounts.list({ limit: 10 })).toHaveLength(1)
  })

  test('ends with its time, and with an operator who came in otherwise', async () => {
    const { secret } = done(await server.people.inviteFirst())
    server.clock.turn(HOUR)
    expect(await server.access.accept(secret, first, from())).toEqual(gone)
    const later = done(await server.people.inviteFirst())
    await seedPerson(server, { role: 'operator' })
    expect(await server.access.welcome(later.secret)).toEqual(gone)
    expect(await server.access.accept(later.secret, first, from())).toEqual(gone)
  })

  test.each([
    ['accountName', { accountName: '  ' }],
    ['email', { email: 'nobody' }],
    ['username', { username: 'two words' }],
    ['username', { username: undefined }],
    ['password', { password: 'short' }],
    ['password', { password: 'boss@acme.example' }],
  ])('says what is wrong with the %s, and is as good as before: %j', async (field, more) => {
    const { secret } = done(await server.people.inviteFirst())
    const refused = await server.access.accept(secret, { ...first, ...more }, from())
    expect(refused).toMatchObject({ ok: false, failure: { reason: 'unfit', field } })
    if (field === 'accountName') {
      expect(refused).toMatchObject({ failure: { message: 'the organization must not be blank' } })
    }
    got(await server.access.accept(secret, first, from()))
  })
})

describe('the link to a password', () => {
  test('is good once, for whom it was made, until another one is', async () => {
    const user = await newcomer('dr')
    const before = done(await server.people.invite(user.id))
    const { secret } = done(await server.people.invite(user.id))
    expect(await server.access.welcome(before.secret)).toEqual(gone)
    expect(got(await server.access.welcome(secret))).toMatchObject({
      for: 'first_password',
      wantsUsername: false,
      user: { id: user.id },
    })
    got(await server.access.accept(secret, { password: PASSWORD, username: 'else' }, from()))
    expect(await server.access.accept(secret, { password: PASSWORD }, from())).toEqual(gone)
    const person = { user, accountId: user.accountId, username: 'dr', password: PASSWORD }
    expect((await signIn(server, person)).signedIn.user.username).toBe('dr')
  })

  test('lets who has no username choose one that is free', async () => {
    await newcomer('taken')
    const user = await newcomer()
    const { secret } = done(await server.people.invite(user.id))
    expect(got(await server.access.welcome(secret))).toMatchObject({ wantsUsername: true })
    const accept = (username: string) =>
      server.access.accept(secret, { password: PASSWORD, username }, from())
    expect(await accept('taken')).toMatchObject({ failure: { field: 'username' } })
    expect(await accept('')).toMatchObject({ failure: { field: 'username' } })
    got(await accept('free'))
    const person = { user, accountId: user.accountId, username: 'free', password: PASSWORD }
    await signIn(server, person)
  })

  test('tells of five usernames whether they are taken, and of no further one until one is set', async () => {
    const taken = await Promise.all(Array.from({ length: 6 }, (_, n) => newcomer(`taken-${n}`)))
    const user = await newcomer()
    const { secret } = done(await server.people.invite(user.id))
    const probe = (username: string, password = PASSWORD) =>
      server.access.accept(secret, { username, password }, from())
    // A password that cannot be is told first: of the name, nothing.
    expect(await probe('taken-0', 'short')).toMatchObject({ failure: { field: 'password' } })
    for (const { username } of taken.slice(0, 5)) {
      expect(await probe(username ?? '')).toMatchObject({
        failure: { field: 'username', message: expect.stringContaining('already') },
      })
    }
    const [atTaken, atFree] = [await probe('taken-5'), await probe('free')]
    expect(atTaken).toEqual(atFree)
    expect(atFree).toMatchObject({
      failure: { field: 'username', message: expect.stringContaining('ask an administrator') },
    })
    // Another link is of the same user.
    const again = done(await server.people.invite(user.id)).secret
    expect(
      await server.access.accept(again, { username: 'free', password: PASSWORD }, from()),
    ).toMatchObject({ ok: false })
    done(await server.people.setUsername(user.id, 'free'))
    expect(got(await server.access.accept(again, { password: PASSWORD }, from()))).toMatchObject({
      username: 'free',
    })
  })

  test('gives one of two who use it at once his password and his name', async () => {
    const user = await newcomer()
    const { secret } = done(await server.people.invite(user.id))
    const [one, other] = ['one', 'other'].map((username) => ({
      user,
      accountId: user.accountId,
      username,
      password: `${username}, and a few more words`,
    }))
    if (one === undefined || other === undefined) throw new Error('there are two')
    const answers = await Promise.all(
      [one, other].map((wish) => server.access.accept(secret, wish, from())),
    )
    const winner = answers[0]?.ok ? one : other
    expect(answers.filter(({ ok }) => ok)).toHaveLength(1)
    expect(answers).toContainEqual(gone)
    await signIn(server, winner)
  })

  test('to a new password ends every session, and lets nobody past a second factor', async () => {
    const person = await seedPerson(server)
    const { secret } = await signIn(server, person)
    const invited = done(await server.people.invite(person.user.id))
    expect(got(await server.access.welcome(invited.secret))).toMatchObject({ for: 'new_password' })
    const password = 'six other words that nobody guesses'
    got(await server.access.accept(invited.secret, { password }, from()))
    expect(await server.access.sessions.find(secret, 'browser')).toBe(null)
    await signIn(server, { ...person, password })
  })

  test('ends after three days, and with who has left', async () => {
    const user = await newcomer('late')
    const late = done(await server.people.invite(user.id))
    server.clock.turn(72 * HOUR)
    expect(await server.access.accept(late.secret, { password: PASSWORD }, from())).toEqual(gone)
    const { secret } = done(await server.people.invite(user.id))
    done(await server.accounts.leave(user.id))
    expect(await server.access.welcome(secret)).toEqual(gone)
    expect(await server.access.accept(secret, { password: PASSWORD }, from())).toEqual(gone)
    expect(await server.people.invite(user.id)).toMatchObject({ failure: { problem: 'conflict' } })
  })

  test('that an administrator has kept does not make him the operator whom it was made for', async () => {
    const [user, boss] = [await newcomer('rising'), await seedPerson(server)]
    const { accountId } = user
    const administrator = server.deskOf({ actor: boss.user.id, role: 'administrator', accountId })
    const { secret } = done(await administrator.people.invite(user.id))
    done(await server.accounts.setRole(user.id, 'operator'))
    expect(await server.access.accept(secret, { password: PASSWORD }, from())).toEqual(gone)
  })

  test.each(['', 'x', `lk_${'a'.repeat(49)}`, '\0', '\ud800'])(
    'that is none is gone: %j',
    async (secret) => {
      expect(await server.access.welcome(secret)).toEqual(gone)
      expect(await server.access.accept(secret, first, from())).toEqual(gone)
    },
  )
})

test('what expired is swept away', async () => {
  const person = await seedPerson(server)
  await signIn(server, person)
  await server.access.signIn({ username: 'nobody', password: 'x', userAgent: '' }, from())
  done(await server.people.invite(person.user.id))
  server.clock.turn(100 * HOUR)
  await server.sweep()
  expect(await server.storage.purgeSessions(server.clock(), server.clock() - 24 * HOUR)).toBe(0)
})
