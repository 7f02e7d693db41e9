import { html } from 'hono/html'
import { isWithin, networksOf, parseAddress } from '../../../domain/address.ts'
import type { Account, AddressRule } from '../../../service/ports.ts'
import { page, seeOther } from '../answer.ts'
import type { Area } from '../area.ts'
import { inOneAccount } from '../one-account.ts'
import { form, hidden, link, submit } from '../parts/form.ts'
import type { Html } from '../parts/html.ts'
import { table } from '../parts/list.ts'
import { moment } from '../parts/time.ts'
import { badge, notice, refused } from '../parts/words.ts'
import { problem } from '../problem.ts'
import { part, text, type Visit } from '../visit.ts'
import { ABOVE_ADDRESSES, ADDRESSES } from './paths.ts'

/** What a page asks before keys may be refused, and what its button sends. */
interface Question {
  readonly title: string
  readonly account: Account
  /** From where keys work once it is done; empty for everywhere. */
  readonly networks: readonly string[]
  /** The list as it is shown here: who confirms another one is asked again. */
  readonly rules: readonly AddressRule[]
  readonly action: string
  readonly fields?: Readonly<Record<string, string>>
  readonly button: string
}

/** Whatever can lock somebody out is asked once more, with what will be refused. */
export function mountLockOut(area: Area): void {
  area.show(
    `${ADDRESSES}/enforce`,
    'addresses.write',
    inOneAccount((visit, accountId) => toggling(visit, accountId, true, false)),
  )
  area.show(
    `${ADDRESSES}/open`,
    'addresses.write',
    inOneAccount((visit, accountId) => toggling(visit, accountId, false, false)),
  )
  for (const [path, enforced] of [
    ['enforce', true],
    ['open', false],
  ] as const) {
    area.act(`${ADDRESSES}/${path}`, 'addresses.write', async (visit) => {
      const { places } = visit.desk
      const accountId = text(visit, 'account')
      if (textOf(await places.listAddresses(accountId)) !== text(visit, 'seen')) {
        return toggling(visit, accountId, enforced, true)
      }
      const done = await places.enforceAddresses(accountId, enforced)
      if (!done.ok) return problem(visit.c, visit.caller, 'not_found')
      return seeOther(visit.c, ADDRESSES, enforced ? 'addresses-enforced' : 'addresses-open')
    })
  }

  area.show(
    `${ADDRESSES}/:id/remove`,
    'addresses.write',
    inOneAccount((visit, accountId) => removing(visit, accountId, false)),
  )
  area.act(`${ADDRESSES}/:id/remove`, 'addresses.write', async (visit) => {
    const { places } = visit.desk
    const accountId = text(visit, 'account')
    if (textOf(await places.listAddresses(accountId)) !== text(visit, 'seen')) {
      return removing(visit, accountId, true)
    }
    const removed = await places.removeAddress(part(visit, 'id'))
    return removed.ok
      ? seeOther(visit.c, ADDRESSES, 'address-removed')
      : problem(visit.c, visit.caller, 'not_found')
  })
}

/** The first address of a list that is in force: from then on it alone counts. */
export const confirmFirst = (
  visit: Visit,
  account: Account,
  wish: { readonly network: string; readonly note: string },
): Promise<Response> =>
  ask(visit, false, {
    title: `Let the keys of ${account.name} work from ${wish.network} alone?`,
    account,
    networks: [wish.network],
    rules: [],
    action: ADDRESSES,
    fields: { ...wish, confirmed: 'yes' },
    button: 'Add it, and shut out all others',
  })

async function toggling(
  visit: Visit,
  accountId: string,
  enforced: boolean,
  isStale: boolean,
): Promise<Response> {
  const found = await visit.desk.accounts.find(accountId)
  if (!found.ok) return problem(visit.c, visit.caller, 'not_found')
  const account = found.value
  const rules = await visit.desk.places.listAddresses(accountId)
  const question = enforced
    ? {
        title: 'Put the list in force?',
        networks: rules.map(({ network }) => network),
        action: `${ADDRESSES}/enforce`,
        button: 'Put it in force',
      }
    : {
        title: `Let the keys of ${account.name} work from anywhere?`,
        networks: [],
        action: `${ADDRESSES}/open`,
        button: 'Let them work from anywhere',
      }
  return ask(visit, isStale, { ...question, account, rules })
}

async function removing(visit: Visit, accountId: string, isStale: boolean): Promise<Response> {
  const { accounts, places } = visit.desk
  const [found, rules] = await Promise.all([
    accounts.find(accountId),
    places.listAddresses(accountId),
  ])
  const rule = rules.find(({ id }) => id === part(visit, 'id'))
  if (!found.ok || rule === undefined) return problem(visit.c, visit.caller, 'not_found')
  const left = rules.filter(({ id }) => id !== rule.id).map(({ network }) => network)
  return ask(visit, isStale, {
    title: `Remove ${rule.network}?`,
    account: found.value,
    networks: found.value.addressesEnforced ? left : [],
    rules,
    action: `${ADDRESSES}/${rule.id}/remove`,
    button: 'Remove it',
  })
}

async function ask(visit: Visit, isStale: boolean, question: Question): Promise<Response> {
  const { title, account, networks, rules, action, fields = {}, button } = question
  const stale = isStale
    ? 'somebody has changed the list since you looked. This is what it would mean now'
    : null
  const shutsOut = networks.length > 0
  const body = html`${refused(stale)}
    ${shutsOut ? await whoIsShutOut(visit, account, networks) : fromAnywhere(question)}
    <section class="card">${form(
      visit.formToken,
      action,
      html`${hidden('account', account.id)}${hidden('seen', textOf(rules))}
        ${Object.entries(fields).map(([name, value]) => hidden(name, value))}
        <div class="row">${submit(button, shutsOut ? 'danger primary' : 'primary')}${link(ADDRESSES, 'Leave it as it is', 'quiet')}</div>`,
    )}</section>`
  return page(visit, { title, crumbs: ABOVE_ADDRESSES }, body, isStale ? 409 : 200)
}

function fromAnywhere({ account, action, rules }: Question): Html {
  if (action.endsWith('/enforce')) {
    return notice(
      'warn',
      'The list is empty',
      'Nothing changes yet: keys go on working from anywhere. The first address that is added then shuts out all others.',
    )
  }
  if (!account.addressesEnforced) {
    return notice('plain', 'The list is not in force', 'No key is refused for it.')
  }
  return notice(
    'warn',
    'Keys will work from anywhere',
    rules.length === 1 && action.endsWith('/remove')
      ? 'This is the last entry, and an empty list shuts nobody out. Whoever holds a key can use it from anywhere.'
      : 'Whoever holds a key can use it from anywhere. The list is kept.',
  )
}

/** What is known of who calls; where nothing is, that is said. */
async function whoIsShutOut(
  visit: Visit,
  account: Account,
  texts: readonly string[],
): Promise<Html> {
  const seen = await visit.desk.places.seenAddresses(account.id)
  const networks = networksOf(texts)
  const works = (address: string) => {
    const parsed = parseAddress(address)
    return parsed !== null && isWithin(networks, parsed)
  }
  const out = seen.filter(({ address }) => !works(address))
  const entries = html`<p>From the next request on, the keys of ${account.name} work from here alone:</p>
    <p>${texts.map((network, n) => html`${n === 0 ? '' : ', '}<code>${network}</code>`)}</p>
    <p>Whoever calls from elsewhere is refused, whichever key is used, until that address is added.</p>`
  const warning =
    out.length > 0
      ? notice('bad', 'This shuts out who used keys lately', entries)
      : notice('warn', 'Everything else is refused', entries)
  const known =
    seen.length === 0
      ? html`<section class="card"><h2>From where keys are used</h2>
        <p>Nobody has asked for a token within 30 days. Keys that are sent with every request are only counted: from where they are used is not known. Ask those who use them before you go on.</p></section>`
      : html`<section class="card flush">${table({
          caption:
            'From where tokens were asked for within 30 days. Keys that are sent with every request are only counted: from where those are used is not known.',
          columns: [{ name: 'Address' }, { name: 'Last seen' }, { name: 'From then on' }],
          rows: seen.map(({ address, lastAt }) => [
            html`<code>${address}</code>`,
            moment(lastAt, visit.now),
            works(address) ? badge('Works', 'good') : badge('Refused', 'bad'),
          ]),
        })}</section>`
  return html`${warning}${known}`
}

const textOf = (rules: readonly AddressRule[]): string =>
  rules.map(({ network }) => network).join(' ')
