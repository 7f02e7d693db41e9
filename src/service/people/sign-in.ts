import { fail, ok, type Result } from '../../domain/failure.ts'
import type { Credentials, SignedIn } from '../ports/people.ts'
import type { Caller } from '../refused.ts'
import type { Claimed } from './begin.ts'
import { type AccessDeps, ownEvent } from './deps.ts'
import { createDevices } from './devices.ts'
import type { SignInFailure } from './failures.ts'
import { sessionText } from './kept.ts'
import type { Proof, Proven } from './prove.ts'
import { createTickets } from './tickets.ts'

/** A session of a browser lives so long at most. */
export const SESSION_MS = 12 * 60 * 60 * 1000

/** What the browser gets: the secret of its session, and the mark that it is known by afterwards. */
export interface Opened {
  readonly secret: string
  readonly device: string
  readonly signedIn: SignedIn
}

/** Username and password in, and a code where a second factor is set up; a session out. */
export function createSignIn(deps: AccessDeps, { prove, proveCode, begin }: Proof) {
  const { storage, random, digester, clock } = deps
  const tickets = createTickets(deps)
  const devices = createDevices(deps)

  async function withCode(
    proven: Proven,
    { code, userAgent }: { code: string; userAgent: string },
    caller: Caller,
  ): Promise<Result<Opened, SignInFailure>> {
    const right = await proveCode(proven.credentials, code, caller)
    return right.ok ? open(proven, userAgent, caller) : right
  }

  async function open(
    { credentials: { user, passwordHash }, account, forgive }: Proven,
    userAgent: string,
    caller: Caller,
  ): Promise<Result<Opened, SignInFailure>> {
    const now = clock()
    const secret = random.secret()
    const session = {
      id: random.uuid(),
      userId: user.id,
      kind: 'browser',
      name: plain(userAgent),
      createdAt: now,
      seenAt: now,
      expiresAt: now + SESSION_MS,
    } as const
    const digest = digester.digest(sessionText(secret))
    const event = ownEvent(deps, user.id, caller, 'session.started', { sessionId: session.id })
    // He may have left since.
    if (!(await storage.addSession({ ...session, digest }, event))) return fail({ reason: 'wrong' })
    await forgive()
    const device = devices.write(user.id, passwordHash ?? '')
    return ok({ secret, device, signedIn: { session, user, account } })
  }

  return {
    async signIn(
      typed: Claimed & { password: string; code?: string | undefined; userAgent: string },
      caller: Caller,
    ): Promise<Result<Opened, SignInFailure>> {
      const proven = await prove(typed, caller)
      if (!proven.ok) return proven
      const { credentials } = proven.value
      if (credentials.sealedTotp === null) return open(proven.value, typed.userAgent, caller)
      const { code, userAgent } = typed
      if (code !== undefined) return withCode(proven.value, { code, userAgent }, caller)
      return fail({ reason: 'code_needed', ticket: await tickets.write(credentials) })
    },

    /** The second page: what `code_needed` came with, and the code. Each is a try like any other. */
    async signInWithCode(
      typed: Omit<Claimed, 'username'> & { ticket: string; code: string; userAgent: string },
      caller: Caller,
    ): Promise<Result<Opened, SignInFailure>> {
      const credentials: Credentials | null = await tickets.read(typed.ticket)
      const account = credentials && (await storage.findAccount(credentials.user.accountId))
      if (credentials === null || account?.status !== 'open') return fail({ reason: 'wrong' })
      const claimed = { username: credentials.user.username ?? '', device: typed.device }
      const begun = await begin(claimed, credentials, caller)
      if (!begun.ok) return begun
      return withCode({ credentials, account, ...begun.value }, typed, caller)
    },
  }
}

const NAME_MAX = 200

/** A browser writes its name in ASCII; anybody may write anything. */
const plain = (userAgent: string) =>
  userAgent.replace(/[^\x20-\x7e]/g, '').slice(0, NAME_MAX) || 'a browser'
