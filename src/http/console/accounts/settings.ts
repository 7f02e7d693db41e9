import { html } from 'hono/html'
import type { Refusal } from '../../../service/operator.ts'
import type { Account } from '../../../service/ports.ts'
import { page, seeOther } from '../answer.ts'
import type { Area } from '../area.ts'
import type { Said } from '../look/said.ts'
import { accountIdOf, choose, inOneAccount, statusBadge } from '../one-account.ts'
import { choices, form, link, press, submit } from '../parts/form.ts'
import { type Html, nothing } from '../parts/html.ts'
import { instant } from '../parts/time.ts'
import { copyable, facts, refused } from '../parts/words.ts'
import { PEOPLE } from '../people/paths.ts'
import { nameForm } from '../places/name-form.ts'
import { ADDRESSES } from '../places/paths.ts'
import { problem } from '../problem.ts'
import { changeSeen, messageOf, statusOf } from '../refusal.ts'
import { part, text, type Visit } from '../visit.ts'
import { ABOVE_ACCOUNTS, ACCOUNTS, SETTINGS } from './paths.ts'

const DEPARTED = [
  {
    value: 'keep',
    text: 'They go on working',
    hint: 'They are flagged until somebody else owns them.',
  },
  {
    value: 'disable',
    text: 'They are disabled',
    hint: 'The next request with one is refused.',
  },
] as const satisfies readonly { value: Account['departedKeys']; text: string; hint: string }[]

/** One account: of who works in it, or of an operator who looks at it among others. */
export function mountSettings(area: Area): void {
  area.show(
    SETTINGS,
    'account.read',
    inOneAccount((visit, id) => show(visit, id, null)),
  )
  area.show(`${ACCOUNTS}/:id`, 'accounts.read', (visit) => show(visit, part(visit, 'id'), null))

  area.act(`${ACCOUNTS}/:id/rename`, 'account.write', async (visit) => {
    const { accounts } = visit.desk
    const [id, name] = [part(visit, 'id'), text(visit, 'name')]
    const renamed = await changeSeen(visit, await accounts.find(id), {
      textOf: (row) => row.name,
      wished: name,
      change: () => accounts.rename(id, name),
    })
    return renamed.ok ? back(visit, id, 'renamed') : show(visit, id, renamed.failure)
  })

  area.act(`${ACCOUNTS}/:id/departed-keys`, 'account.write', async (visit) => {
    const id = part(visit, 'id')
    const choice = DEPARTED.find(({ value }) => value === text(visit, 'departed-keys'))
    if (choice === undefined) return show(visit, id, NO_CHOICE)
    const done = await visit.desk.accounts.setDepartedKeys(id, choice.value)
    return done.ok ? back(visit, id, 'departed-keys-set') : show(visit, id, done.failure)
  })
}

const NO_CHOICE: Refusal = { problem: 'invalid', message: 'choose what becomes of the keys' }

const back = (visit: Visit, id: string, said: Said): Response =>
  seeOther(visit.c, accountIdOf(visit) === null ? `${ACCOUNTS}/${id}` : SETTINGS, said)

async function show(visit: Visit, id: string, refusal: Refusal | null): Promise<Response> {
  const found = await visit.desk.accounts.find(id)
  if (!found.ok) return problem(visit.c, visit.caller, 'not_found')
  const account = found.value
  const isAmongOthers = accountIdOf(visit) === null
  const body = html`${refused(messageOf(refusal))}
    <div class="columns">
      <div class="stack">
        <section class="card"><h2>What it is</h2>${facts([
          ['Account id', copyable(account.id, 'the account id')],
          ['Status', statusBadge(account)],
          ['Region', html`<code>${account.region}</code>`],
          [
            'Addresses',
            isAmongOthers
              ? fromWhere(account)
              : html`<a href="${ADDRESSES}">${fromWhere(account)}</a>`,
          ],
          ['Leavers’ keys', departedOf(account)],
          ['Created', instant(account.createdAt)],
        ])}</section>
        ${isAmongOthers ? workIn(visit, account) : nothing}
        ${visit.may('account.write') ? naming(visit, account, refusal) : nothing}
      </div>
      <div class="stack">
        ${visit.may('account.write') ? departing(visit, account) : nothing}
        ${isAmongOthers ? ending(account) : nothing}
      </div>
    </div>`
  const head = isAmongOthers
    ? { title: account.name, crumbs: ABOVE_ACCOUNTS }
    : { title: 'Settings', about: account.name }
  return page(visit, head, body, statusOf(refusal))
}

const fromWhere = ({ addressesEnforced }: Account): string =>
  addressesEnforced ? 'the list is in force' : 'keys work from anywhere'

const departedOf = ({ departedKeys }: Account): string =>
  departedKeys === 'keep' ? 'go on working, flagged' : 'are disabled with them'

const naming = (visit: Visit, { id, name }: Account, refusal: Refusal | null): Html => html`
  <section class="card"><h2>What it is called</h2>${nameForm(visit, `${ACCOUNTS}/${id}/rename`, name, visit.given.has('name') ? refusal : null)}</section>`

const departing = (visit: Visit, account: Account): Html => html`
  <section class="card"><h2>When somebody leaves</h2>${form(
    visit.formToken,
    `${ACCOUNTS}/${account.id}/departed-keys`,
    html`${choices({ name: 'departed-keys', legend: 'What becomes of their keys?', value: account.departedKeys, options: DEPARTED })}
      <div class="row">${submit('Save')}</div>`,
  )}</section>`

const workIn = (visit: Visit, account: Account): Html => html`
  <section class="card"><h2>Work in it</h2>
    <p>See it alone, to work in it as its administrators do.</p>
    <div class="row">${choose(visit, account, '/console', '')}${press(visit.formToken, '/console/account', 'Add a person', { fields: { account: account.id, next: `${PEOPLE}/new` } })}</div></section>`

const ending = ({ id, status }: Account): Html =>
  status === 'open'
    ? html`<section class="card"><h2>Close it</h2>
        <p>Its keys are refused and its people signed out. It can be opened again.</p>
        <p>${link(`${ACCOUNTS}/${id}/close`, 'Close the account', 'danger')}</p></section>`
    : html`<section class="card"><h2>Open it again</h2>
        <p>Its keys work again and its people can sign in.</p>
        <p>${link(`${ACCOUNTS}/${id}/reopen`, 'Open it again')}</p></section>`
