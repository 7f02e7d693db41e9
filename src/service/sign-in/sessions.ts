import { fail, ok, type Result } from '../../domain/failure.ts'
import { DAY_MS, isWithinLast } from '../../domain/instant.ts'
import { isDamagedSecret } from '../../domain/secret.ts'
import type { Caller } from '../caller.ts'
import { parseName } from '../input.ts'
import type { Session, SignedInUser } from '../ports/sign-in.ts'
import { createUserEvent, type SignInDeps } from './context.ts'
import { toFormDigestText, toSessionDigestText } from './digest-texts.ts'
import { CREDENTIALS_CHANGED, type InvalidField, type SignInConflict } from './failures.ts'
import type { Reauthentication } from './reauthenticate.ts'

/** A browser session ends after this time without a request. */
const SESSION_IDLE_MS = 60 * 60 * 1000
/** The interval at which the last use of a session is written. */
const SESSION_TOUCH_INTERVAL_MS = 60 * 1000

/**
 * Manages sessions. The user is read at each request, so that an operator's change takes effect at the
 * next one.
 */
export function createSessions(
  deps: Pick<SignInDeps, 'storage' | 'digester' | 'clock' | 'random' | 'log'>,
) {
  const { storage, digester, clock, log } = deps

  async function listActive(userId: string): Promise<Session[]> {
    const now = clock()
    return (await storage.listSessions(userId, now)).filter((session) => !isIdle(session, now))
  }

  return {
    /** Finds the user of a session; null if there is no active session of this kind. */
    async find(secret: string, kind: Session['kind']): Promise<SignedInUser | null> {
      if (isDamagedSecret(secret)) return null
      const now = clock()
      const signedInUser = await storage.findSession(
        [...digester.candidates(toSessionDigestText(secret))],
        now,
      )
      if (signedInUser?.session.kind !== kind || isIdle(signedInUser.session, now)) return null
      if (!isWithinLast(SESSION_TOUCH_INTERVAL_MS, signedInUser.session.seenAt, now))
        await touch(signedInUser.session.id, now)
      return signedInUser
    },

    list: ({ user }: SignedInUser) => listActive(user.id),

    async signOut({ session, user }: SignedInUser, caller: Caller): Promise<void> {
      const facts = { sessionId: session.id }
      await storage.deleteSession(
        session.id,
        createUserEvent(deps, user.id, caller, 'session.ended', facts),
      )
    },

    /** Ends every session and API token of the user, including this session. Returns how many. */
    signOutEverywhere: ({ user }: SignedInUser, caller: Caller): Promise<number> =>
      storage.deleteSessions(
        user.id,
        null,
        createUserEvent(deps, user.id, caller, 'sessions.ended'),
      ),

    /** Ends one of the user's own sessions or API tokens. */
    async end(
      { user }: SignedInUser,
      id: string,
      caller: Caller,
    ): Promise<Result<void, SignInConflict>> {
      const ownSessions = await storage.listSessions(user.id, clock())
      const event = createUserEvent(deps, user.id, caller, 'session.ended', { sessionId: id })
      const ended =
        ownSessions.some((each) => each.id === id) && (await storage.deleteSession(id, event))
      return ended
        ? ok(undefined)
        : fail({ reason: 'conflict', message: 'the session or API token has ended already' })
    },

    /** Creates the token that a form carries against cross-site request forgery. */
    createFormToken: (secret: string): string => digester.digest(toFormDigestText(secret)),

    /** True if the token belongs to this session, under any key of the ring. Compares in constant time. */
    isFormToken: (secret: string, token: string): boolean =>
      digester.matches(toFormDigestText(secret), [token]),
  }

  /** Logs a failure, because no request may fail for it. */
  async function touch(id: string, now: number): Promise<void> {
    try {
      await storage.touchSession(id, now)
    } catch (error) {
      log.warn({ error }, 'the last use of a session could not be written')
    }
  }
}

const isIdle = ({ kind, seenAt }: Session, now: number) =>
  kind === 'browser' && !isWithinLast(SESSION_IDLE_MS, seenAt, now)

export type Sessions = ReturnType<typeof createSessions>

const MAX_TOKEN_DAYS = 366

/** An API token. At /admin/v1 it has its owner's current permissions. Its secret is shown once. */
export interface IssuedApiToken {
  readonly secret: string
  readonly token: Session
}

export function createApiTokens(
  deps: Pick<SignInDeps, 'storage' | 'digester' | 'random' | 'clock'>,
) {
  const { storage, digester, random, clock } = deps
  return {
    async issue(
      { signedInUser, passwordHash }: Reauthentication,
      input: { name: string; days: number },
      caller: Caller,
    ): Promise<Result<IssuedApiToken, SignInConflict | InvalidField>> {
      const name = parseName('the name', input.name)
      if (!name.ok) return failInvalidTokenField('name', name.failure.message)
      if (!Number.isInteger(input.days) || input.days < 1 || input.days > MAX_TOKEN_DAYS) {
        return failInvalidTokenField('days', `a token lives from 1 to ${MAX_TOKEN_DAYS} days`)
      }
      const now = clock()
      const secret = random.secret()
      const token: Session = {
        id: random.uuid(),
        userId: signedInUser.user.id,
        kind: 'token',
        name: name.value,
        createdAt: now,
        seenAt: now,
        expiresAt: now + input.days * DAY_MS,
      }
      const facts = { sessionId: token.id, name: token.name, days: input.days }
      const event = createUserEvent(deps, signedInUser.user.id, caller, 'user.token_issued', facts)
      const digest = digester.digest(toSessionDigestText(secret))
      const added = await storage.addSession({ ...token, digest }, event, passwordHash)
      return added ? ok({ secret, token }) : fail(CREDENTIALS_CHANGED)
    },
  }
}

const failInvalidTokenField = (field: InvalidField['field'], message: string) =>
  fail<InvalidField>({ reason: 'unfit', field, message })
