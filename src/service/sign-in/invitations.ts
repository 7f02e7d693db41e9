import { fail, ok, type Result } from '../../domain/failure.ts'
import { isEmail, isUsername, USERNAME_RULE } from '../../domain/user.ts'
import { type ActorDeps, createAuditEvent } from '../audit/audit-event.ts'
import { UNKNOWN_SUBJECT } from '../audit/buffer.ts'
import type { Caller } from '../caller.ts'
import { parseName } from '../input.ts'
import type { Account, User } from '../ports/accounts.ts'
import type { HasherBusy, SecretDigester } from '../ports/crypto.ts'
import type { Invitation, SignInStorage } from '../ports/sign-in.ts'
import { createUserEvent, type SignInDeps } from './context.ts'
import { toInvitationDigestText } from './digest-texts.ts'
import type { InvalidField, InvitationGone } from './failures.ts'
import { hashNewPassword, listUserNames } from './passwords.ts'
import { createSignInThrottle } from './throttle.ts'

/** The purpose of a link, which decides the input that it needs. */
export type InvitationPurpose =
  | { readonly for: 'first_operator' }
  | {
      readonly for: 'first_password' | 'new_password'
      readonly user: User
      /** True if the user has no username yet, and chooses one. */
      readonly wantsUsername: boolean
    }

/** The input of the link's page. Fields that the purpose does not need are ignored. */
export interface AcceptInvitationInput {
  readonly password: string
  readonly username?: string | undefined
  readonly accountName?: string | undefined
  readonly email?: string | undefined
}

type AcceptedInvitation = Result<User, InvitationGone | InvalidField | HasherBusy>

/**
 * Manages one-time links. Viewing a link does not use it up, because mail programs open links; setting
 * the password does.
 */
export const createInvitations = (deps: SignInDeps) => ({
  async purpose(secret: string): Promise<Result<InvitationPurpose, InvitationGone>> {
    const invitation = await findInvitation(deps, secret)
    const purpose = invitation && (await findInvitationPurpose(deps, invitation))
    return purpose ? ok(purpose) : fail(INVITATION_GONE)
  },

  /** Returns the user, who can now sign in. Of concurrent uses of one link, one succeeds. */
  async acceptInvitation(
    secret: string,
    input: AcceptInvitationInput,
    caller: Caller,
  ): Promise<AcceptedInvitation> {
    const invitation = await findInvitation(deps, secret)
    const purpose = invitation && (await findInvitationPurpose(deps, invitation))
    if (!invitation || !purpose) return fail(INVITATION_GONE)
    return purpose.for === 'first_operator'
      ? createFirstOperator(deps, invitation.id, input, caller)
      : setInvitedPassword(deps, invitation.id, purpose, input, caller)
  },
})

async function findInvitation(deps: SignInDeps, secret: string): Promise<Invitation | null> {
  const { storage, digester, clock } = deps
  const digests = [...digester.candidates(toInvitationDigestText(secret))]
  const invitation = await storage.findInvitation(digests, clock())
  if (
    invitation !== null ||
    !isFirstOperatorSecret(deps, secret) ||
    (await storage.hasActiveOperator())
  )
    return invitation
  // The configured secret becomes a stored invitation when its link is opened.
  await addInvitation(
    { ...deps, actor: UNKNOWN_SUBJECT },
    { secret, user: null, ms: FIRST_OPERATOR_INVITATION_MS },
  )
  return storage.findInvitation(digests, clock())
}

const isFirstOperatorSecret = ({ digester, firstLink }: SignInDeps, secret: string): boolean =>
  firstLink !== undefined &&
  digester.matches(toInvitationDigestText(secret), [
    digester.digest(toInvitationDigestText(firstLink)),
  ])

async function findInvitationPurpose(
  { storage }: SignInDeps,
  { userId }: Invitation,
): Promise<InvitationPurpose | null> {
  if (userId === null) return (await storage.hasActiveOperator()) ? null : { for: 'first_operator' }
  const credentials = await storage.findCredentialsByUserId(userId)
  if (credentials === null || credentials.user.deactivatedAt !== null) return null
  const { user, passwordHash } = credentials
  const kind = passwordHash === null ? 'first_password' : 'new_password'
  return { for: kind, user, wantsUsername: user.username === null }
}

async function createFirstOperator(
  deps: SignInDeps,
  invitationId: string,
  input: AcceptInvitationInput,
  caller: Caller,
): Promise<AcceptedInvitation> {
  const { storage, random, clock } = deps
  const name = parseName('the organization', input.accountName ?? '')
  if (!name.ok) return failInvalidField('accountName', name.failure.message)
  const email = parseName('the e-mail address', input.email ?? '')
  if (!email.ok) return failInvalidField('email', email.failure.message)
  if (!isEmail(email.value)) return failInvalidField('email', 'this is not an e-mail address')
  const username = parseUsername(input.username)
  if (!username.ok) return username
  const available = await checkUsernameFree(deps, username.value)
  if (!available.ok) return available
  const names = listUserNames({ username: username.value, email: email.value })
  const hashed = await hashNewPassword(deps, input.password, names)
  if (!hashed.ok) return hashed

  const at = clock()
  const account: Account = {
    id: random.uuid(),
    name: name.value,
    region: deps.region,
    status: 'open',
    createdAt: at,
    offboardingPolicy: 'keep',
    ipAllowlistEnforced: false,
  }
  const user: User = {
    id: random.uuid(),
    accountId: account.id,
    email: email.value,
    role: 'operator',
    createdAt: at,
    username: username.value,
    deactivatedAt: null,
  }
  const first = { account, user, passwordHash: hashed.value, invitationId }
  const facts = { accountId: account.id }
  const event = createUserEvent(deps, user.id, caller, 'user.first_operator', facts)
  return (await storage.addFirstOperator(first, event)) ? ok(user) : fail(INVITATION_GONE)
}

async function setInvitedPassword(
  deps: SignInDeps,
  invitationId: string,
  { for: kind, user, wantsUsername }: Exclude<InvitationPurpose, { for: 'first_operator' }>,
  input: AcceptInvitationInput,
  caller: Caller,
): Promise<AcceptedInvitation> {
  const { storage } = deps
  const signInThrottle = createSignInThrottle(deps)
  const username = wantsUsername ? parseUsername(input.username) : ok(user.username)
  if (!username.ok) return username
  const updatedUser = { ...user, username: username.value }
  const hashed = await hashNewPassword(deps, input.password, listUserNames(updatedUser))
  if (!hashed.ok) return hashed
  if (wantsUsername && username.value !== null) {
    // Usernames are unique on the server, so the holder of a link may find out only for a few
    // whether they exist. All other input was checked before, so that each counted attempt could
    // have succeeded.
    if ((await signInThrottle.countUsernameChoice(user.id)) === null)
      return failInvalidField('username', TOO_MANY_USERNAMES_MESSAGE)
    const available = await checkUsernameFree(deps, username.value)
    if (!available.ok) return available
  }
  const event = createUserEvent(deps, user.id, caller, `user.${kind}`)
  const passwordChange = { hash: hashed.value, invitationId, but: null }
  if (!(await storage.setPassword(user.id, passwordChange, event))) return fail(INVITATION_GONE)
  if (username.value !== null) await signInThrottle.clearName(username.value, caller.address)
  if (!wantsUsername || username.value === null) return ok(updatedUser)

  // The username is set only after the link was used. If the name was taken meanwhile, the user
  // needs another link, which asks for another name.
  const usernameEvent = createAuditEvent({ ...deps, actor: user.id }, 'user.username_set', user.id)
  const isSet = await storage.setUsername(user.id, username.value, usernameEvent)
  return isSet ? ok(updatedUser) : failInvalidField('username', USERNAME_TAKEN_MESSAGE)
}

async function checkUsernameFree(
  { storage }: SignInDeps,
  username: string,
): Promise<Result<void, InvalidField>> {
  const isTaken = (await storage.findCredentialsByUsername(username)) !== null
  return isTaken ? failInvalidField('username', USERNAME_TAKEN_MESSAGE) : ok(undefined)
}

function parseUsername(input: string | undefined): Result<string, InvalidField> {
  const username = (input ?? '').trim()
  return isUsername(username) ? ok(username) : failInvalidField('username', USERNAME_RULE)
}

const INVITATION_GONE: InvitationGone = { reason: 'gone' }
const USERNAME_TAKEN_MESSAGE = 'this username is taken: choose another one'
const TOO_MANY_USERNAMES_MESSAGE =
  'too many usernames were tried: ask an administrator of your account to set yours, then use this link again'

const failInvalidField = (field: InvalidField['field'], message: string) =>
  fail<InvalidField>({ reason: 'unfit', field, message })

/**
 * An administrator sends a link to a user. The first operator's link is used during setup, so it
 * expires sooner.
 */
export const INVITATION_MS = 72 * 60 * 60 * 1000
export const FIRST_OPERATOR_INVITATION_MS = 60 * 60 * 1000

export interface AddInvitationDeps extends ActorDeps {
  readonly storage: Pick<SignInStorage, 'addInvitation'>
  readonly digester: SecretDigester
}

/**
 * Stores this secret as a one-time link: to the user's password or, without a user, to the first
 * operator. Returns null if the user is deactivated, or their role has changed.
 */
export async function addInvitation(
  deps: AddInvitationDeps,
  { secret, user, ms }: { secret: string; user: User | null; ms: number },
): Promise<Invitation | null> {
  const { storage, random, clock, digester } = deps
  const userId = user?.id ?? null
  const at = clock()
  const invitation = { id: random.uuid(), userId, createdAt: at, expiresAt: at + ms }
  const digest = digester.digest(toInvitationDigestText(secret))
  const event = createAuditEvent(deps, 'user.invited', userId ?? UNKNOWN_SUBJECT, {
    until: invitation.expiresAt,
  })
  const added = await storage.addInvitation({ ...invitation, digest }, event, user?.role)
  return added ? invitation : null
}
