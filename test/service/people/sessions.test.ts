import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { rotateRing } from '../../../src/crypto/keyring.ts'
import { nodePrimitives } from '../../../src/node/primitives.ts'
import {
  from,
  got,
  himself,
  PASSWORD,
  type Person,
  seedPerson,
  seen,
  signIn,
  typed,
} from '../../support/people.ts'
import { done, type TestServer, testServer } from '../../support/server.ts'

const MINUTE = 60_000
const HOUR = 60 * MINUTE
const DAY = 24 * HOUR
const WISHED = 'six other words that nobody guesses'

let server: TestServer
/** Another process on the same database. */
let other: TestServer
let person: Person
beforeEach(async () => {
  server = await testServer()
  other = await testServer({}, { dir: server.dir, clock: server.clock })
  other.keyring.replace(server.ring)
  person = await seedPerson(server)
})
afterEach(async () => {
  await other.storage.close()
  await server.close()
})

const lives = async (secret: string, at = other) =>
  (await at.access.sessions.find(secret, 'browser')) !== null

describe('a session', () => {
  test('says who somebody is, in every process', async () => {
    const { secret } = await signIn(server, person)
    expect(await seen(other, secret)).toMatchObject({
      user: { id: person.user.id, role: 'administrator' },
      account: { id: person.accountId, name: 'Acme Health', status: 'open' },
      session: { kind: 'browser', name: 'Mozilla/5.0' },
    })
    for (const wrong of ['', 'x', `${secret}x`, secret.slice(0, -1), '\0', '\ud800']) {
      expect([wrong, await lives(wrong)]).toEqual([wrong, false])
    }
  })

  test('ends after an hour unseen, and after twelve however often it is seen', async () => {
    const { secret } = await signIn(server, person)
    server.clock.turn(HOUR - 1)
    expect(await lives(secret)).toBe(true)
    for (let n = 0; n < 22; n++) {
      server.clock.turn(HOUR / 2)
      expect(await lives(secret)).toBe(true)
    }
    server.clock.turn(1)
    expect(await lives(secret)).toBe(false)

    const idle = await signIn(server, person)
    server.clock.turn(HOUR)
    expect(await lives(idle.secret)).toBe(false)
    expect(await server.access.sessions.list(idle.signedIn)).toEqual([])
  })

  test('is written as seen once a minute, not at each request', async () => {
    const { secret, signedIn } = await signIn(server, person)
    const seenAt = async () => (await server.access.sessions.list(signedIn))[0]?.seenAt
    const began = await seenAt()
    server.clock.turn(MINUTE - 1)
    await seen(server, secret)
    expect(await seenAt()).toBe(began)
    server.clock.turn(1)
    await seen(server, secret)
    expect(await seenAt()).toBe(server.clock())
  })

  test('shows at once what an operator has changed: role, account, departure', async () => {
    const { secret } = await signIn(server, person)
    done(await server.accounts.setRole(person.user.id, 'member'))
    expect((await seen(other, secret)).user.role).toBe('member')
    done(await server.accounts.setStatus(person.accountId, 'closed'))
    expect(await lives(secret)).toBe(false)
    done(await server.accounts.setStatus(person.accountId, 'open'))
    expect(await lives(secret)).toBe(true)
    done(await server.accounts.leave(person.user.id))
    expect(await lives(secret)).toBe(false)
  })

  test('is over everywhere once it is signed out, and the others live on', async () => {
    const [one, two] = [await signIn(server, person), await signIn(server, person)]
    await server.access.sessions.signOut(one.signedIn, from())
    expect([await lives(one.secret), await lives(two.secret)]).toEqual([false, true])
    expect(await server.access.sessions.signOutEverywhere(two.signedIn, from())).toBe(1)
    expect(await lives(two.secret)).toBe(false)
  })

  test('is ended by its owner alone', async () => {
    const mine = await signIn(server, person)
    const his = await signIn(server, await seedPerson(server))
    const { sessions } = server.access
    const theft = await sessions.end(mine.signedIn, his.signedIn.session.id, from())
    expect(theft).toMatchObject({ ok: false, failure: { reason: 'conflict' } })
    expect(await lives(his.secret)).toBe(true)
    got(await sessions.end(his.signedIn, his.signedIn.session.id, from()))
    expect(await lives(his.secret)).toBe(false)
  })

  test('is ended by an operator, from the command line or elsewhere', async () => {
    const { secret } = await signIn(server, person)
    expect(done(await other.people.signOut(person.user.id)).ended).toBe(1)
    expect(await lives(secret, server)).toBe(false)
  })

  test('lives through a rotation of the key ring, and so does the token of its forms', async () => {
    const { secret } = await signIn(server, person)
    const { sessions } = server.access
    const token = sessions.formToken(secret)
    expect(sessions.isFormToken(secret, token)).toBe(true)
    const rotated = await rotateRing(nodePrimitives, server.ring, 'digest', server.clock())
    server.keyring.replace(rotated)
    expect(await lives(secret, server)).toBe(true)
    expect(sessions.isFormToken(secret, token)).toBe(true)
    expect(sessions.formToken(secret)).not.toBe(token)

    const stranger = await signIn(server, person)
    for (const wrong of [
      '',
      token.slice(0, -1),
      `${token}x`,
      sessions.formToken(stranger.secret),
    ]) {
      expect(sessions.isFormToken(secret, wrong)).toBe(false)
    }
  })

  test('is in no file as it is in the cookie, nor is what its forms carry', async () => {
    const { secret } = await signIn(server, person)
    const kept = await server.storage.findSession([secret], server.clock())
    expect(kept).toBe(null)
    const token = server.access.sessions.formToken(secret)
    expect(await server.storage.findSession([token], server.clock())).toBe(null)
  })
})

describe('a new password', () => {
  test('takes the old one, ends every other session and every token, and no more the old is good', async () => {
    const [one, two] = [await signIn(server, person), await signIn(server, person)]
    const { passwords, tokens } = server.access
    const token = got(
      await tokens.issue(await himself(server, one.signedIn), { name: 'job', days: 1 }, from()),
    )

    got(await passwords.change(await himself(server, one.signedIn), WISHED, from()))
    expect([await lives(one.secret), await lives(two.secret)]).toEqual([true, false])
    expect(await other.access.sessions.find(token.secret, 'token')).toBe(null)

    const before = await server.access.signIn(typed(person), from())
    expect(before).toEqual({ ok: false, failure: { reason: 'wrong' } })
    await signIn(server, { ...person, password: WISHED })
  })

  test.each([
    ['too short', 'short', /at least 15/],
    ['the username', null, /must not be a name/],
    ['the one before', PASSWORD, /already/],
  ])('is not %s', async (_, wished, message) => {
    const { signedIn } = await signIn(server, person)
    const proved = await himself(server, signedIn)
    const wish = wished ?? person.username
    const changed = await server.access.passwords.change(proved, wish, from())
    expect(changed).toMatchObject({ ok: false, failure: { reason: 'unfit', field: 'password' } })
    expect(JSON.stringify(changed)).toMatch(message)
  })
})

describe('a token of a person', () => {
  const wish = { name: 'nightly report', days: 30 }

  test('is he himself to a program, until it expires or he ends it, unseen or not', async () => {
    const { signedIn } = await signIn(server, person)
    const { secret, token } = got(
      await server.access.tokens.issue(await himself(server, signedIn), wish, from()),
    )
    expect(await server.access.sessions.list(signedIn)).toHaveLength(2)
    server.clock.turn(30 * DAY - 1)
    expect((await seen(other, secret, 'token')).user.id).toBe(person.user.id)
    server.clock.turn(1)
    expect(await other.access.sessions.find(secret, 'token')).toBe(null)

    const again = await signIn(server, person)
    const second = got(
      await server.access.tokens.issue(await himself(server, again.signedIn), wish, from()),
    )
    got(await server.access.sessions.end(again.signedIn, second.token.id, from()))
    expect(await other.access.sessions.find(second.secret, 'token')).toBe(null)
    expect(token.id).not.toBe(second.token.id)
  })

  test('is no browser’s session, nor the other way round', async () => {
    const { secret, signedIn } = await signIn(server, person)
    const token = got(
      await server.access.tokens.issue(await himself(server, signedIn), wish, from()),
    )
    expect(await server.access.sessions.find(token.secret, 'browser')).toBe(null)
    expect(await server.access.sessions.find(secret, 'token')).toBe(null)
  })

  test.each([0, -1, 1.5, 367, Number.NaN, Number.POSITIVE_INFINITY])(
    'is not for %d days',
    async (days) => {
      const { signedIn } = await signIn(server, person)
      const issued = await server.access.tokens.issue(
        await himself(server, signedIn),
        { name: 'x', days },
        from(),
      )
      expect(issued).toMatchObject({ failure: { reason: 'unfit', field: 'days' } })
    },
  )
})

test('every change of somebody’s access is in the audit under his own id', async () => {
  const { signedIn } = await signIn(server, person)
  const { sessions, passwords, tokens } = server.access
  got(await tokens.issue(await himself(server, signedIn), { name: 'job', days: 1 }, from()))
  got(await passwords.change(await himself(server, signedIn), WISHED, from()))
  const caller = from('198.51.100.3')
  await sessions.signOut(signedIn, caller)
  const events = await server.storage.listEvents({ subject: person.user.id, limit: 100 })
  expect(events.map(({ action, actor }) => [action, actor]).reverse()).toEqual([
    ['user.created', 'operator'],
    ['user.invited', 'operator'],
    ...['user.first_password', 'session.started', 'user.token_issued'].map((action) => [
      ...[action, person.user.id],
    ]),
    ...['user.password_changed', 'session.ended'].map((action) => [action, person.user.id]),
  ])
  expect(events[0]).toMatchObject({
    requestId: caller.requestId,
    facts: { address: '198.51.100.3' },
  })
})
