import { html } from 'hono/html'
import { isWithin, networksOf, parseAddress } from '../../../domain/address.ts'
import type { Account, AddressRule } from '../../../service/ports.ts'
import { page } from '../answer.ts'
import { form, hidden, link, submit } from '../parts/form.ts'
import type { Html } from '../parts/html.ts'
import { table } from '../parts/list.ts'
import { moment } from '../parts/time.ts'
import { badge, notice, refused } from '../parts/words.ts'
import type { Visit } from '../visit.ts'
import { ABOVE_ADDRESSES, ADDRESSES } from './paths.ts'

/** What a page asks before keys may be refused, and what its button sends. */
interface Question {
  readonly title: string
  readonly about?: string | undefined
  readonly account: Account
  /** From where keys work once it is done; empty for everywhere. */
  readonly networks: readonly string[]
  /** The list as it is shown here: who confirms another one is asked again. */
  readonly rules: readonly AddressRule[]
  readonly action: string
  readonly fields?: Readonly<Record<string, string>>
  readonly button: string
}

/** Says what a change of the list will mean, before it is made. */
export async function askFirst(
  visit: Visit,
  isStale: boolean,
  question: Question,
): Promise<Response> {
  const { title, about, account, networks, rules, action, fields = {}, button } = question
  const stale = isStale
    ? 'somebody has changed the list since you looked. This is what it would mean now'
    : null
  const shutsOut = networks.length > 0
  const body = html`${refused(stale)}
    ${shutsOut ? await whoIsShutOut(visit, account, networks) : fromAnywhere(question)}
    ${form(
      visit.formToken,
      action,
      html`${hidden('account', account.id)}${hidden('seen', textOf(rules))}
        ${Object.entries(fields).map(([name, value]) => hidden(name, value))}
        <div class="row">${submit(button, shutsOut ? 'danger primary' : 'primary')}${link(ADDRESSES, 'Leave it as it is', 'quiet')}</div>`,
    )}`
  return page(visit, { title, about, crumbs: ABOVE_ADDRESSES }, body, isStale ? 409 : 200)
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
    return notice(
      'plain',
      'The list is not in force',
      action.endsWith('/remove')
        ? 'Keys work from anywhere, before and after.'
        : 'Keys work from anywhere already.',
    )
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

/** The list as a form carries it. */
export const textOf = (rules: readonly AddressRule[]): string =>
  rules.map(({ network }) => network).join(' ')
