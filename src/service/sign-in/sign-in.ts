import { fail, ok, type Result } from '../../domain/failure.ts'
import { isPending } from '../../domain/instant.ts'
import type { Caller } from '../caller.ts'
import { openText, sealText } from '../ports/crypto.ts'
import type { SignedInUser, UserCredentials } from '../ports/sign-in.ts'
import { createUserEvent, type SignInDeps } from './context.ts'
import {
  type ClaimedIdentity,
  type CredentialVerifier,
  createCredentialVerifier,
  type VerifiedCredentials,
} from './credential-verifier.ts'
import { toSessionDigestText, toTicketDigestText } from './digest-texts.ts'
import type { SignInFailure } from './failures.ts'
import { createInvitations } from './invitations.ts'
import { createPasswords } from './passwords.ts'
import { createReauthenticate } from './reauthenticate.ts'
import { createSecondFactor } from './second-factor.ts'
import { createApiTokens, createSessions } from './sessions.ts'
import { createDeviceMarks } from './throttle.ts'

/**
 * Creates the services for sign-in and for users' own access. All other services depend on the user's
 * role.
 */
export function createSignInServices(deps: SignInDeps) {
  const secondFactor = createSecondFactor(deps)
  const credentialVerifier = createCredentialVerifier(deps, secondFactor)
  return Object.assign(createSignIn(deps, credentialVerifier), createInvitations(deps), {
    reauthenticate: createReauthenticate(credentialVerifier),
    sessions: createSessions(deps),
    passwords: createPasswords(deps),
    apiTokens: createApiTokens(deps),
    secondFactor,
  })
}

export type SignInServices = ReturnType<typeof createSignInServices>

/** The maximum lifetime of a browser session. */
const MAX_SESSION_MS = 12 * 60 * 60 * 1000

/** The data for the browser: the secret of its session, and the mark of a known device. */
export interface StartedSession {
  readonly secret: string
  readonly device: string
  readonly signedIn: SignedInUser
}

/** Starts a session with a username and password, and a code if a second factor is set up. */
function createSignIn(
  deps: SignInDeps,
  { verifyPassword, verifyCode, startSignIn }: CredentialVerifier,
) {
  const { storage, random, digester, clock } = deps
  const tickets = createCodeTickets(deps)
  const deviceMarks = createDeviceMarks(deps)

  async function finishWithCode(
    verified: VerifiedCredentials,
    { code, userAgent }: { code: string; userAgent: string },
    caller: Caller,
  ): Promise<Result<StartedSession, SignInFailure>> {
    const codeResult = await verifyCode(verified.credentials, code, caller)
    return codeResult.ok ? startSession(verified, userAgent, caller) : codeResult
  }

  async function startSession(
    { credentials: { user, passwordHash }, account, clearAttempt }: VerifiedCredentials,
    userAgent: string,
    caller: Caller,
  ): Promise<Result<StartedSession, SignInFailure>> {
    const now = clock()
    const secret = random.secret()
    const session = {
      id: random.uuid(),
      userId: user.id,
      kind: 'browser',
      name: toSessionName(userAgent),
      createdAt: now,
      seenAt: now,
      expiresAt: now + MAX_SESSION_MS,
    } as const
    const digest = digester.digest(toSessionDigestText(secret))
    const event = createUserEvent(deps, user.id, caller, 'session.started', {
      sessionId: session.id,
    })
    // The user may have been deactivated since, or have a new password, which ends all that the old
    // one began.
    const hash = passwordHash ?? ''
    const added = await storage.addSession({ ...session, digest }, event, hash)
    if (!added) return fail({ reason: 'wrong' })
    await clearAttempt()
    const device = deviceMarks.createMark(user.id, hash)
    return ok({ secret, device, signedIn: { session, user, account } })
  }

  return {
    async signIn(
      input: ClaimedIdentity & { password: string; code?: string | undefined; userAgent: string },
      caller: Caller,
    ): Promise<Result<StartedSession, SignInFailure>> {
      const verified = await verifyPassword(input, caller)
      if (!verified.ok) return verified
      const { credentials } = verified.value
      if (credentials.sealedTotp === null)
        return startSession(verified.value, input.userAgent, caller)
      const { code, userAgent } = input
      if (code !== undefined) return finishWithCode(verified.value, { code, userAgent }, caller)
      return fail({ reason: 'code_needed', ticket: await tickets.sealTicket(credentials) })
    },

    /** Continues a sign-in with the ticket of `code_needed` and a code. Each call counts as an attempt. */
    async signInWithCode(
      input: Omit<ClaimedIdentity, 'username'> & {
        ticket: string
        code: string
        userAgent: string
      },
      caller: Caller,
    ): Promise<Result<StartedSession, SignInFailure>> {
      const credentials: UserCredentials | null = await tickets.findCredentials(input.ticket)
      const account = credentials && (await storage.findAccount(credentials.user.accountId))
      if (credentials === null || account?.status !== 'open') return fail({ reason: 'wrong' })
      const claim = { username: credentials.user.username ?? '', device: input.device }
      const attempt = await startSignIn(claim, credentials, caller)
      if (!attempt.ok) return attempt
      return finishWithCode({ credentials, account, ...attempt.value }, input, caller)
    },
  }
}

const MAX_USER_AGENT_LENGTH = 200

/** Browsers identify themselves in ASCII, but a client may send anything. */
const toSessionName = (userAgent: string) =>
  userAgent.replace(/[^\x20-\x7e]/g, '').slice(0, MAX_USER_AGENT_LENGTH) || 'a browser'

/** The time to find the device and enter its code. */
const CODE_TICKET_MS = 5 * 60 * 1000
const CODE_TICKET_CONTEXT = 'ticket'

/**
 * Seals a ticket in place of a verified password, so that the password is neither typed again nor
 * written into a page. A ticket names its user. It is useless without a code, after it has expired, or
 * after a password change.
 */
function createCodeTickets({
  storage,
  sealer,
  digester,
  clock,
}: Pick<SignInDeps, 'storage' | 'sealer' | 'digester' | 'clock'>) {
  return {
    async sealTicket({ user, passwordHash }: UserCredentials): Promise<string> {
      const passwordDigest = digester.digest(toTicketDigestText(passwordHash ?? ''))
      const text = [user.id, clock() + CODE_TICKET_MS, passwordDigest].join(' ')
      return sealText(sealer, text, CODE_TICKET_CONTEXT)
    },

    async findCredentials(ticket: string): Promise<UserCredentials | null> {
      const text = await openText(sealer, ticket, CODE_TICKET_CONTEXT).catch(() => '')
      const [userId = '', endsAt = '0', passwordDigest = ''] = text.split(' ')
      if (!isPending(Number(endsAt), CODE_TICKET_MS, clock())) return null
      const credentials = await storage.findCredentialsByUserId(userId)
      if (credentials === null || credentials.user.deactivatedAt !== null) return null
      return digester.matches(toTicketDigestText(credentials.passwordHash ?? ''), [passwordDigest])
        ? credentials
        : null
    },
  }
}
