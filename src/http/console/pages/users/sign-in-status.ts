import { html } from 'hono/html'
import type { User } from '../../../../service/ports/accounts.ts'
import type { SignInStatus } from '../../../../service/ports/lists.ts'
import { buttonLink } from '../../components/form.ts'
import { badge, definitionList, formatCount, type Html, nothing } from '../../components/html.ts'
import { exactTime, relativeTime } from '../../components/time.ts'
import type { PageContext } from '../../context.ts'
import { USERS_PATH } from '../../navigation.ts'

/** How the user signs in, with links to restore their access. */
export const signInCard = (
  context: PageContext,
  user: User,
  signInStatus: SignInStatus | undefined,
  canEdit: boolean,
): Html => html`
  <section class="card"><header><h2>Sign-in</h2>${signInBadges(user, signInStatus)}</header>
    ${signInStatus === undefined ? nothing : signInFacts(context, user, signInStatus)}
    ${canEdit ? html`<p>A one-time link lets the user set a new password. Earlier links stop working.</p><p>${buttonLink(`${USERS_PATH}/${user.id}/invite`, 'Create one-time link')}</p>` : nothing}
    ${canEdit && signInStatus?.hasSecondFactor === true ? html`<p>If the user lost the device with the second factor:</p><p>${buttonLink(`${USERS_PATH}/${user.id}/reset-second-factor`, 'Remove second factor')}</p>` : nothing}
  </section>`

function signInFacts(
  context: PageContext,
  { deactivatedAt }: User,
  signInStatus: SignInStatus,
): Html {
  const seen =
    signInStatus.seenAt === null ? 'Never' : relativeTime(signInStatus.seenAt, context.now)
  // A deactivated user cannot sign in, so the rest does not matter.
  if (deactivatedAt !== null) return definitionList([['Last seen', seen]])
  return definitionList([
    ['Password', signInStatus.hasPassword ? 'Set' : 'None'],
    ['Second factor', signInStatus.hasSecondFactor ? 'On' : 'Off'],
    [
      'Signed in',
      signInStatus.sessions === 0
        ? 'Nowhere'
        : formatCount(signInStatus.sessions, 'browser or token', 'browsers and tokens'),
    ],
    ['Last seen', seen],
    ...(signInStatus.invitedUntil === null
      ? []
      : ([['One-time link', html`Works until ${exactTime(signInStatus.invitedUntil)}`]] as const)),
  ])
}

/** Badges that say if the user can sign in. */
export function signInBadges(user: User, signInStatus: SignInStatus | undefined): Html {
  if (user.deactivatedAt !== null) return badge('Deactivated', 'bad')
  if (signInStatus?.hasPassword === true && user.username !== null) {
    return html`${badge('Can sign in', 'good')} ${signInStatus.hasSecondFactor ? badge('Second factor') : nothing}`
  }
  return signInStatus?.invitedUntil == null ? badge('Cannot sign in') : badge('Invited', 'warn')
}
