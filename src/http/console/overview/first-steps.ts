import { html } from 'hono/html'
import type { Permission } from '../../../domain/role.ts'
import { type Html, nothing } from '../parts/html.ts'
import { badge } from '../parts/words.ts'
import type { Visit } from '../visit.ts'

interface Step {
  readonly title: string
  readonly text: Html | string
  readonly done: boolean
  readonly needs: Permission
  readonly href: string
  readonly link: string
}

/** What to do first, while no key was ever used; null from then on. */
export async function firstSteps(visit: Visit): Promise<Html | null> {
  const { hasOwner, key, isInUse } = await visit.desk.overview.beginning()
  if (isInUse) return null
  const steps: Step[] = [
    {
      title: 'Add who will own the first key',
      text: 'A key belongs to an engineer or an administrator of an account, so that somebody answers for it. An operator can add both.',
      done: hasOwner,
      needs: 'users.write',
      href: visit.may('accounts.write') ? '/console/accounts' : '/console/people',
      link: visit.may('accounts.write') ? 'To the accounts' : 'To the people',
    },
    {
      title: 'Create the key',
      text: html`A new one, or one that a vendor has been using for years: its id and secret can be brought along. Redox keys need a <a href="/console/sources">source</a> first, Xenrad keys a <a href="/console/sites">site</a>, Open Dental keys a <a href="/console/developers">developer</a>; XDENT and practice keys need none.`,
      done: key !== null,
      needs: 'keys.write',
      href: '/console/keys/new',
      link: 'Create a key',
    },
    {
      title: 'Use it once',
      text: 'The page of the key has requests to paste into a terminal. This list goes away when the first one is admitted.',
      done: false,
      needs: 'keys.read',
      href: key === null ? '/console/keys' : `/console/keys/${key.id}`,
      link: key === null ? 'To the keys' : `To ${key.name}`,
    },
  ]
  const next = steps.findIndex(({ done }) => !done)
  return html`
  <section class="card"><h2>First steps</h2><ol class="steps">${steps.map(
    (step, n) => html`
    <li><div class="stack tight"><h3>${step.title} ${step.done ? badge('done', 'good') : nothing}</h3><p class="soft">${step.text}</p></div>
      ${n === next ? toIt(visit, step) : nothing}</li>`,
  )}</ol></section>`
}

const toIt = (visit: Visit, { needs, href, link }: Step): Html =>
  visit.may(needs)
    ? html`<p><a class="button primary" href="${href}">${link}</a></p>`
    : html`<p>An administrator of your account does this.</p>`
