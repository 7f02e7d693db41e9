import { html } from 'hono/html'
import type { SignInStanding } from '../../../service/ports/lists.ts'
import type { User } from '../../../service/ports.ts'
import { link, press } from '../parts/form.ts'
import { type Html, nothing } from '../parts/html.ts'
import type { Visit } from '../visit.ts'
import { PEOPLE } from './paths.ts'

/** What lets somebody in again, and what puts them out. */
export function letIn(visit: Visit, user: User, standing: SignInStanding | undefined): Html {
  const here = `${PEOPLE}/${user.id}`
  return html`
    <section class="card"><h2>Access</h2>
      <p>A one-time link leads to a new password. The link before it is then good no longer.</p>
      <p>${link(`${here}/invite`, 'Make a one-time link')}</p>
      ${standing?.hasSecondFactor === true ? lost(here) : nothing}
      <p>Every browser and API token ends:</p>
      ${press(visit.formToken, `${here}/sign-out`, 'Sign out everywhere', { look: 'danger' })}
    </section>
    <section class="card"><h2>Leaving</h2>
      <p>Signed out for good. What becomes of their keys is told first.</p>
      <p>${link(`${here}/leave`, 'Let this person leave', 'danger')}</p></section>`
}

const lost = (here: string): Html => html`
  <p>The device with the second factor is lost:</p>
  <p>${link(`${here}/reset-second-factor`, 'Reset the second factor')}</p>`
