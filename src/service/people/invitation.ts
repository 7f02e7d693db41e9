import { eventOf, type OperatorDeps } from '../operator.ts'
import type { Invitation, PeopleStorage } from '../ports/people.ts'
import type { SecretDigester, User } from '../ports.ts'
import { NOBODY } from '../recorder.ts'
import { invitationText } from './kept.ts'

/** Somebody writes a link to people; one to the first operator goes to who sets the server up just now. */
export const INVITATION_MS = 72 * 60 * 60 * 1000
export const FIRST_LINK_MS = 60 * 60 * 1000

export interface InvitingDeps extends OperatorDeps {
  readonly storage: Pick<PeopleStorage, 'addInvitation'>
  readonly digester: SecretDigester
}

/**
 * Makes this secret a one-time link: to a user's password, or, where there is no user, to the first
 * operator. Null where the user has left, or has another role than the one he is invited with.
 */
export async function addInvitation(
  deps: InvitingDeps,
  { secret, user, ms }: { secret: string; user: User | null; ms: number },
): Promise<Invitation | null> {
  const { storage, random, clock, digester } = deps
  const userId = user?.id ?? null
  const at = clock()
  const invitation = { id: random.uuid(), userId, createdAt: at, expiresAt: at + ms }
  const digest = digester.digest(invitationText(secret))
  const event = eventOf(deps, 'user.invited', userId ?? NOBODY, { until: invitation.expiresAt })
  const added = await storage.addInvitation({ ...invitation, digest }, event, user?.role)
  return added ? invitation : null
}
