import { fail, ok, type Result } from '../../domain/failure.ts'
import { isEmail, isUsername, USERNAME_RULE } from '../../domain/user.ts'
import { eventOf, readName } from '../operator.ts'
import type { Invitation } from '../ports/people.ts'
import type { Account, User } from '../ports.ts'
import { NOBODY } from '../recorder.ts'
import type { Caller } from '../refused.ts'
import { type AccessDeps, ownEvent } from './deps.ts'
import type { Busy, Gone, Unfit } from './failures.ts'
import { addInvitation, FIRST_LINK_MS } from './invitation.ts'
import { invitationText } from './kept.ts'
import { hashNew, namesOf } from './passwords.ts'
import { createTries } from './tries.ts'

/** What a link is for, and what is to be asked for. */
export type Welcome =
  | { readonly for: 'first_operator' }
  | {
      readonly for: 'first_password' | 'new_password'
      readonly user: User
      /** He has none yet, and chooses one. */
      readonly wantsUsername: boolean
    }

/** What is typed on the page; what the link does not ask for is not read. */
export interface Typed {
  readonly password: string
  readonly username?: string | undefined
  readonly accountName?: string | undefined
  readonly email?: string | undefined
}

/** One-time links. Looking at one takes nothing: mail programs do. The password that is set takes it. */
export function createWelcome(deps: AccessDeps) {
  const { storage, digester, random, clock } = deps
  const tries = createTries(deps)

  async function find(secret: string): Promise<Invitation | null> {
    const digests = digester.candidates(invitationText(secret))
    const sent = await storage.findInvitation(digests, clock())
    if (sent !== null || !isFirstLink(secret) || (await storage.hasOperator())) return sent
    // What was chosen becomes a link like any other, when it is followed.
    await addInvitation({ ...deps, actor: NOBODY }, { secret, user: null, ms: FIRST_LINK_MS })
    return storage.findInvitation(digests, clock())
  }

  const isFirstLink = (secret: string) =>
    deps.firstLink !== undefined &&
    digester.matches(invitationText(secret), [digester.digest(invitationText(deps.firstLink))])

  async function welcomeOf({ userId }: Invitation): Promise<Welcome | null> {
    if (userId === null) return (await storage.hasOperator()) ? null : { for: 'first_operator' }
    const credentials = await storage.findCredentialsOf(userId)
    if (credentials === null || credentials.user.leftAt !== null) return null
    const { user, passwordHash } = credentials
    const what = passwordHash === null ? 'first_password' : 'new_password'
    return { for: what, user, wantsUsername: user.username === null }
  }

  return {
    async welcome(secret: string): Promise<Result<Welcome, Gone>> {
      const invitation = await find(secret)
      const welcome = invitation && (await welcomeOf(invitation))
      return welcome ? ok(welcome) : fail(GONE)
    },

    /** Answers who can sign in now. Of two who use one link, one does. */
    async accept(
      secret: string,
      typed: Typed,
      caller: Caller,
    ): Promise<Result<User, Gone | Unfit | Busy>> {
      const invitation = await find(secret)
      const welcome = invitation && (await welcomeOf(invitation))
      if (!invitation || !welcome) return fail(GONE)
      return welcome.for === 'first_operator'
        ? makeOperator(invitation.id, typed, caller)
        : setPassword(invitation.id, welcome, typed, caller)
    },
  }

  async function makeOperator(
    invitationId: string,
    typed: Typed,
    caller: Caller,
  ): Promise<Result<User, Gone | Unfit | Busy>> {
    const name = readName('the organization', typed.accountName ?? '')
    if (!name.ok) return unfit('accountName', name.failure.message)
    const email = readName('the e-mail address', typed.email ?? '')
    if (!email.ok) return unfit('email', email.failure.message)
    if (!isEmail(email.value)) return unfit('email', 'this is not an e-mail address')
    const username = readUsername(typed.username)
    if (!username.ok) return username
    const free = await judgeFree(username.value)
    if (!free.ok) return free
    const names = namesOf({ username: username.value, email: email.value })
    const hashed = await hashNew(deps, typed.password, names)
    if (!hashed.ok) return hashed

    const at = clock()
    const account: Account = {
      id: random.uuid(),
      name: name.value,
      region: deps.region,
      status: 'open',
      createdAt: at,
      departedKeys: 'keep',
      addressesEnforced: false,
    }
    const user: User = {
      id: random.uuid(),
      accountId: account.id,
      email: email.value,
      role: 'operator',
      createdAt: at,
      username: username.value,
      leftAt: null,
    }
    const first = { account, user, passwordHash: hashed.value, invitationId }
    const facts = { accountId: account.id }
    const event = ownEvent(deps, user.id, caller, 'user.first_operator', facts)
    return (await storage.addFirstOperator(first, event)) ? ok(user) : fail(GONE)
  }

  async function setPassword(
    invitationId: string,
    { for: what, user, wantsUsername }: Exclude<Welcome, { for: 'first_operator' }>,
    typed: Typed,
    caller: Caller,
  ): Promise<Result<User, Gone | Unfit | Busy>> {
    const username = wantsUsername ? readUsername(typed.username) : ok(user.username)
    if (!username.ok) return username
    const known = { ...user, username: username.value }
    const hashed = await hashNew(deps, typed.password, namesOf(known))
    if (!hashed.ok) return hashed
    if (wantsUsername && username.value !== null) {
      // Usernames are unique on the server, so the holder of a link may learn of only a few whether they
      // exist. Everything else was checked before, so that each counted try could have succeeded.
      if ((await tries.ofUsername(user.id)) === null) return unfit('username', TOO_MANY)
      const free = await judgeFree(username.value)
      if (!free.ok) return free
    }
    const event = ownEvent(deps, user.id, caller, `user.${what}`)
    const wish = { hash: hashed.value, invitationId, but: null }
    if (!(await storage.setPassword(user.id, wish, event))) return fail(GONE)
    if (username.value !== null) await tries.forgetName(username.value, caller.address)
    if (!wantsUsername || username.value === null) return ok(known)

    // Only who has won the link names himself. Should somebody else have taken the name meanwhile, he
    // asks for another link, which asks for another name.
    const named = eventOf({ ...deps, actor: user.id }, 'user.username_set', user.id)
    const isSet = await storage.setUsername(user.id, username.value, named)
    return isSet ? ok(known) : unfit('username', TAKEN)
  }

  async function judgeFree(username: string): Promise<Result<void, Unfit>> {
    const isTaken = (await storage.findCredentials(username)) !== null
    return isTaken ? unfit('username', TAKEN) : ok(undefined)
  }
}

function readUsername(typed: string | undefined): Result<string, Unfit> {
  const username = (typed ?? '').trim()
  return isUsername(username) ? ok(username) : unfit('username', USERNAME_RULE)
}

const GONE: Gone = { reason: 'gone' }
const TAKEN = 'somebody has this username already: choose another one'
const TOO_MANY =
  'too many usernames were tried: ask an administrator of your account to set yours, then use this link again'

const unfit = (field: Unfit['field'], message: string) =>
  fail<Unfit>({ reason: 'unfit', field, message })
