import { fail, ok, type Result } from '../../domain/failure.ts'
import { isWithin } from '../../domain/instant.ts'
import { isGarbled } from '../../domain/secret.ts'
import type { Session, SignedIn } from '../ports/people.ts'
import type { Caller } from '../refused.ts'
import { type AccessDeps, ownEvent } from './deps.ts'
import type { NotSo } from './failures.ts'
import { formText, sessionText } from './kept.ts'

/** A browser's session, unseen for so long, is over. */
export const IDLE_MS = 60 * 60 * 1000
/** That a session was seen is written once in so long. */
const TOUCH_MS = 60 * 1000

/** Who somebody is between requests, read anew at each: what an operator changes is so at the next one. */
export function createSessions(
  deps: Pick<AccessDeps, 'storage' | 'digester' | 'clock' | 'random' | 'log'>,
) {
  const { storage, digester, clock, log } = deps

  async function listLiving(userId: string): Promise<Session[]> {
    const now = clock()
    return (await storage.listSessions(userId, now)).filter((session) => !isIdle(session, now))
  }

  return {
    /** Whose session it is; null where there is none of this kind that lives. */
    async find(secret: string, kind: Session['kind']): Promise<SignedIn | null> {
      if (isGarbled(secret)) return null
      const now = clock()
      const found = await storage.findSession(digester.candidates(sessionText(secret)), now)
      if (found?.session.kind !== kind || isIdle(found.session, now)) return null
      if (!isWithin(TOUCH_MS, found.session.seenAt, now)) await touch(found.session.id, now)
      return found
    },

    list: ({ user }: SignedIn) => listLiving(user.id),

    async signOut({ session, user }: SignedIn, caller: Caller): Promise<void> {
      const facts = { sessionId: session.id }
      await storage.removeSession(
        session.id,
        ownEvent(deps, user.id, caller, 'session.ended', facts),
      )
    },

    /** Every session and every token of his, this one too. Answers how many there were. */
    signOutEverywhere: ({ user }: SignedIn, caller: Caller): Promise<number> =>
      storage.removeSessions(user.id, null, ownEvent(deps, user.id, caller, 'sessions.ended')),

    /** One of his own, of either kind. */
    async end({ user }: SignedIn, id: string, caller: Caller): Promise<Result<void, NotSo>> {
      const own = await storage.listSessions(user.id, clock())
      const event = ownEvent(deps, user.id, caller, 'session.ended', { sessionId: id })
      const ended = own.some((each) => each.id === id) && (await storage.removeSession(id, event))
      return ended ? ok(undefined) : fail({ reason: 'conflict', message: 'it has ended already' })
    },

    /** What a form carries, so that no other site's form can stand in for it. */
    formToken: (secret: string): string => digester.digest(formText(secret)),

    /** Whether it is of this session, in constant time, under any key of the ring. */
    isFormToken: (secret: string, token: string): boolean =>
      digester.matches(formText(secret), [token]),
  }

  /** Nobody's request fails for it. */
  async function touch(id: string, now: number): Promise<void> {
    try {
      await storage.touchSession(id, now)
    } catch (error) {
      log.warn({ error }, 'a session was seen, which could not be written')
    }
  }
}

const isIdle = ({ kind, seenAt }: Session, now: number) =>
  kind === 'browser' && !isWithin(IDLE_MS, seenAt, now)

export type Sessions = ReturnType<typeof createSessions>
