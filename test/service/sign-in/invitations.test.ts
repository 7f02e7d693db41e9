import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { createTestServer, type TestServer, unwrap } from '../../support/server.ts'
import { HOUR_MS } from '../../support/time.ts'
import { createTestCaller, PASSWORD, seedUser, signInUser } from '../../support/users.ts'

const gone = { ok: false, failure: { reason: 'gone' } }
const first = {
  accountName: 'Acme Health',
  email: 'boss@acme.example',
  username: 'boss',
  password: PASSWORD,
}

let server: TestServer
beforeEach(async () => {
  server = await createTestServer()
})
afterEach(() => server.close())

/** Adds a user without a password. */
async function addInvitedUser(username?: string) {
  const accountId = unwrap(await server.accounts.create({ name: 'Acme' })).id
  const email = `${crypto.randomUUID()}@acme.example`
  const input = { accountId, email, role: 'member', ...(username && { username }) } as const
  return unwrap(await server.users.add(input))
}

describe('the link to the first operator', () => {
  test('creates an account and its operator, who can sign in', async () => {
    const { link, secret } = unwrap(await server.users.inviteFirstOperator())
    expect(link).toBe(`https://console.example/console/welcome/${secret}`)
    // Looking at it takes nothing.
    for (let n = 0; n < 2; n++) {
      expect(unwrap(await server.signInServices.purpose(secret))).toEqual({
        for: 'first_operator',
      })
    }
    const user = unwrap(
      await server.signInServices.acceptInvitation(secret, first, createTestCaller()),
    )
    const { signedIn } = await signInUser(server, { user, accountId: user.accountId, ...first })
    expect(signedIn.user).toMatchObject({ role: 'operator', email: 'boss@acme.example' })
    expect(signedIn.account.name).toBe('Acme Health')
    expect(await server.signInServices.purpose(secret)).toEqual(gone)
    expect(await server.users.inviteFirstOperator()).toMatchObject({
      failure: { problem: 'conflict' },
    })
  })

  test('creates one operator for two concurrent uses', async () => {
    const { secret } = unwrap(await server.users.inviteFirstOperator())
    const other = { ...first, username: 'other', accountName: 'Other' }
    const answers = await Promise.all([
      server.signInServices.acceptInvitation(secret, first, createTestCaller()),
      server.signInServices.acceptInvitation(secret, other, createTestCaller()),
    ])
    expect(answers.map(({ ok }) => ok).sort()).toEqual([false, true])
    expect(answers).toContainEqual(gone)
    expect(await server.accounts.list({ limit: 10 })).toHaveLength(1)
  })

  test('ends when it expires, or when there is another operator', async () => {
    const { secret } = unwrap(await server.users.inviteFirstOperator())
    server.clock.advance(HOUR_MS)
    expect(await server.signInServices.acceptInvitation(secret, first, createTestCaller())).toEqual(
      gone,
    )
    const later = unwrap(await server.users.inviteFirstOperator())
    await seedUser(server, { role: 'operator' })
    expect(await server.signInServices.purpose(later.secret)).toEqual(gone)
    expect(
      await server.signInServices.acceptInvitation(later.secret, first, createTestCaller()),
    ).toEqual(gone)
  })

  test.each([
    ['accountName', { accountName: '  ' }],
    ['email', { email: 'nobody' }],
    ['username', { username: 'two words' }],
    ['username', { username: undefined }],
    ['password', { password: 'short' }],
    ['password', { password: 'boss@acme.example' }],
  ])('says what is wrong with the %s, and is as good as before: %j', async (field, more) => {
    const { secret } = unwrap(await server.users.inviteFirstOperator())
    const refused = await server.signInServices.acceptInvitation(
      secret,
      { ...first, ...more },
      createTestCaller(),
    )
    expect(refused).toMatchObject({ ok: false, failure: { reason: 'unfit', field } })
    if (field === 'accountName') {
      expect(refused).toMatchObject({ failure: { message: 'the organization must not be blank' } })
    }
    unwrap(await server.signInServices.acceptInvitation(secret, first, createTestCaller()))
  })
})

describe('the link to a password', () => {
  test('is accepted once, for its user, until the next one is created', async () => {
    const user = await addInvitedUser('dr')
    const before = unwrap(await server.users.invite(user.id))
    const { secret } = unwrap(await server.users.invite(user.id))
    expect(await server.signInServices.purpose(before.secret)).toEqual(gone)
    expect(unwrap(await server.signInServices.purpose(secret))).toMatchObject({
      for: 'first_password',
      wantsUsername: false,
      user: { id: user.id },
    })
    unwrap(
      await server.signInServices.acceptInvitation(
        secret,
        { password: PASSWORD, username: 'else' },
        createTestCaller(),
      ),
    )
    expect(
      await server.signInServices.acceptInvitation(
        secret,
        { password: PASSWORD },
        createTestCaller(),
      ),
    ).toEqual(gone)
    const testUser = { user, accountId: user.accountId, username: 'dr', password: PASSWORD }
    expect((await signInUser(server, testUser)).signedIn.user.username).toBe('dr')
  })

  test('lets a user without a username choose a free one', async () => {
    await addInvitedUser('taken')
    const user = await addInvitedUser()
    const { secret } = unwrap(await server.users.invite(user.id))
    expect(unwrap(await server.signInServices.purpose(secret))).toMatchObject({
      wantsUsername: true,
    })
    const acceptInvitation = (username: string) =>
      server.signInServices.acceptInvitation(
        secret,
        { password: PASSWORD, username },
        createTestCaller(),
      )
    expect(await acceptInvitation('taken')).toMatchObject({ failure: { field: 'username' } })
    expect(await acceptInvitation('')).toMatchObject({ failure: { field: 'username' } })
    unwrap(await acceptInvitation('free'))
    const testUser = { user, accountId: user.accountId, username: 'free', password: PASSWORD }
    await signInUser(server, testUser)
  })

  test('reveals of at most five usernames if they are taken', async () => {
    const taken = await Promise.all(
      Array.from({ length: 6 }, (_, n) => addInvitedUser(`taken-${n}`)),
    )
    const user = await addInvitedUser()
    const { secret } = unwrap(await server.users.invite(user.id))
    const probeLink = (username: string, password = PASSWORD) =>
      server.signInServices.acceptInvitation(secret, { username, password }, createTestCaller())
    // An invalid password is reported first, without a word about the username.
    expect(await probeLink('taken-0', 'short')).toMatchObject({ failure: { field: 'password' } })
    for (const { username } of taken.slice(0, 5)) {
      expect(await probeLink(username ?? '')).toMatchObject({
        failure: { field: 'username', message: expect.stringContaining('is taken') },
      })
    }
    const [atTaken, atFree] = [await probeLink('taken-5'), await probeLink('free')]
    expect(atTaken).toEqual(atFree)
    expect(atFree).toMatchObject({
      failure: { field: 'username', message: expect.stringContaining('ask an administrator') },
    })
    // Another link is of the same user.
    const repeat = unwrap(await server.users.invite(user.id)).secret
    expect(
      await server.signInServices.acceptInvitation(
        repeat,
        { username: 'free', password: PASSWORD },
        createTestCaller(),
      ),
    ).toMatchObject({ ok: false })
    unwrap(await server.users.setUsername(user.id, 'free'))
    expect(
      unwrap(
        await server.signInServices.acceptInvitation(
          repeat,
          { password: PASSWORD },
          createTestCaller(),
        ),
      ),
    ).toMatchObject({
      username: 'free',
    })
  })

  test('sets the password and username of one of two concurrent uses', async () => {
    const user = await addInvitedUser()
    const { secret } = unwrap(await server.users.invite(user.id))
    const [one, other] = ['one', 'other'].map((username) => ({
      user,
      accountId: user.accountId,
      username,
      password: `${username}, and a few more words`,
    }))
    if (one === undefined || other === undefined) throw new Error('there are two')
    const answers = await Promise.all(
      [one, other].map((input) =>
        server.signInServices.acceptInvitation(secret, input, createTestCaller()),
      ),
    )
    const winner = answers[0]?.ok ? one : other
    expect(answers.filter(({ ok }) => ok)).toHaveLength(1)
    expect(answers).toContainEqual(gone)
    await signInUser(server, winner)
  })

  test('to a new password ends every session, and does not replace a second factor', async () => {
    const testUser = await seedUser(server)
    const { secret } = await signInUser(server, testUser)
    const invited = unwrap(await server.users.invite(testUser.user.id))
    expect(unwrap(await server.signInServices.purpose(invited.secret))).toMatchObject({
      for: 'new_password',
    })
    const password = 'six other words that nobody guesses'
    unwrap(
      await server.signInServices.acceptInvitation(
        invited.secret,
        { password },
        createTestCaller(),
      ),
    )
    expect(await server.signInServices.sessions.find(secret, 'browser')).toBe(null)
    await signInUser(server, { ...testUser, password })
  })

  test('ends after three days, and when its user is deactivated', async () => {
    const user = await addInvitedUser('late')
    const late = unwrap(await server.users.invite(user.id))
    server.clock.advance(72 * HOUR_MS)
    expect(
      await server.signInServices.acceptInvitation(
        late.secret,
        { password: PASSWORD },
        createTestCaller(),
      ),
    ).toEqual(gone)
    const { secret } = unwrap(await server.users.invite(user.id))
    unwrap(await server.users.deactivate(user.id))
    expect(await server.signInServices.purpose(secret)).toEqual(gone)
    expect(
      await server.signInServices.acceptInvitation(
        secret,
        { password: PASSWORD },
        createTestCaller(),
      ),
    ).toEqual(gone)
    expect(await server.users.invite(user.id)).toMatchObject({ failure: { problem: 'conflict' } })
  })

  test('that an administrator has kept does not make them the operator that it was created for', async () => {
    const [user, boss] = [await addInvitedUser('rising'), await seedUser(server)]
    const { accountId } = user
    const administrator = server.servicesFor({
      actor: boss.user.id,
      role: 'administrator',
      accountId,
    })
    const { secret } = unwrap(await administrator.users.invite(user.id))
    unwrap(await server.users.setRole(user.id, 'operator'))
    expect(
      await server.signInServices.acceptInvitation(
        secret,
        { password: PASSWORD },
        createTestCaller(),
      ),
    ).toEqual(gone)
  })

  test.each(['', 'x', `lk_${'a'.repeat(49)}`, '\0', '\ud800'])(
    'that is none is gone: %j',
    async (secret) => {
      expect(await server.signInServices.purpose(secret)).toEqual(gone)
      expect(
        await server.signInServices.acceptInvitation(secret, first, createTestCaller()),
      ).toEqual(gone)
    },
  )
})

test('what expired is swept away', async () => {
  const testUser = await seedUser(server)
  await signInUser(server, testUser)
  await server.signInServices.signIn(
    { username: 'nobody', password: 'x', userAgent: '' },
    createTestCaller(),
  )
  unwrap(await server.users.invite(testUser.user.id))
  server.clock.advance(100 * HOUR_MS)
  await server.deleteExpiredData()
  expect(
    await server.storage.purgeExpiredSignIns(server.clock(), server.clock() - 24 * HOUR_MS),
  ).toBe(0)
})
