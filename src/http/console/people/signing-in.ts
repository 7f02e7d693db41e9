import { html } from 'hono/html'
import type { SignInStanding } from '../../../service/ports/lists.ts'
import type { User } from '../../../service/ports.ts'
import { type Html, nothing } from '../parts/html.ts'
import { badge } from '../parts/words.ts'

/** How far somebody can sign in. */
export function signingIn(user: User, standing: SignInStanding | undefined): Html {
  if (user.leftAt !== null) return badge('Has left', 'bad')
  if (standing?.hasPassword === true && user.username !== null) {
    return html`${badge('Can sign in', 'good')} ${standing.hasSecondFactor ? badge('Second factor') : nothing}`
  }
  return standing?.invitedUntil == null ? badge('Cannot sign in') : badge('Invited', 'warn')
}
