import { html } from 'hono/html'
import type { Invited } from '../../../service/people.ts'
import type { User } from '../../../service/ports.ts'
import { page } from '../answer.ts'
import { reveal } from '../parts/reveal.ts'
import { exact } from '../parts/time.ts'
import type { Visit } from '../visit.ts'
import { ABOVE_PEOPLE, PEOPLE } from './paths.ts'

/** The one-time link, shown once. */
export const linkPage = (
  visit: Visit,
  { id, email }: User,
  { link, invitation }: Invited,
): Promise<Response> =>
  page(
    visit,
    { title: email, crumbs: ABOVE_PEOPLE },
    reveal({
      title: 'A one-time link',
      text: html`For <strong>${email}</strong>: send it by a way that nobody else reads. Whoever completes its form first sets the password. It is good once, until ${exact(invitation.expiresAt)}, and is not shown again.`,
      secrets: [{ name: 'link', value: link }],
      file: 'latchkey-invitation.txt',
      next: `${PEOPLE}/${id}`,
      acknowledge: 'I have the link, and will send it',
    }),
  )
