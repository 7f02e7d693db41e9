import { fail, ok, type Result } from '../../domain/failure.ts'
import { readName } from '../operator.ts'
import type { Session } from '../ports/people.ts'
import type { Caller } from '../refused.ts'
import type { Himself } from './again.ts'
import { type AccessDeps, ownEvent } from './deps.ts'
import type { NotSo, Unfit } from './failures.ts'
import { sessionText } from './kept.ts'

const DAY_MS = 24 * 60 * 60 * 1000
export const TOKEN_DAYS_MAX = 366

/** A token may do at /admin/v1 what its owner may, as long as he may. Its secret is shown once. */
export interface Issued {
  readonly secret: string
  readonly token: Session
}

export function createTokens(deps: Pick<AccessDeps, 'storage' | 'digester' | 'random' | 'clock'>) {
  const { storage, digester, random, clock } = deps
  return {
    async issue(
      { who }: Himself,
      wish: { name: string; days: number },
      caller: Caller,
    ): Promise<Result<Issued, NotSo | Unfit>> {
      const name = readName('the name', wish.name)
      if (!name.ok) return unfit('name', name.failure.message)
      if (!Number.isInteger(wish.days) || wish.days < 1 || wish.days > TOKEN_DAYS_MAX) {
        return unfit('days', `a token lives from 1 to ${TOKEN_DAYS_MAX} days`)
      }
      const now = clock()
      const secret = random.secret()
      const token: Session = {
        id: random.uuid(),
        userId: who.user.id,
        kind: 'token',
        name: name.value,
        createdAt: now,
        seenAt: now,
        expiresAt: now + wish.days * DAY_MS,
      }
      const facts = { sessionId: token.id, name: token.name, days: wish.days }
      const event = ownEvent(deps, who.user.id, caller, 'user.token_issued', facts)
      const digest = digester.digest(sessionText(secret))
      const added = await storage.addSession({ ...token, digest }, event)
      return added ? ok({ secret, token }) : fail({ reason: 'conflict', message: 'you have left' })
    },
  }
}

const unfit = (field: Unfit['field'], message: string) =>
  fail<Unfit>({ reason: 'unfit', field, message })
