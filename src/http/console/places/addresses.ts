import { html } from 'hono/html'
import { formatAddress, isWithin, networksOf, parseAddress } from '../../../domain/address.ts'
import type { Refusal } from '../../../service/operator.ts'
import type { Account, AddressRule } from '../../../service/ports.ts'
import { page, seeOther } from '../answer.ts'
import type { Area } from '../area.ts'
import { inOneAccount } from '../one-account.ts'
import { field, form, hidden, link, press, submit } from '../parts/form.ts'
import { type Html, nothing } from '../parts/html.ts'
import { table } from '../parts/list.ts'
import { moment } from '../parts/time.ts'
import { copyable, empty, notice, plural, refused } from '../parts/words.ts'
import { problem } from '../problem.ts'
import { messageOf, statusOf } from '../refusal.ts'
import { optional, text, type Visit } from '../visit.ts'
import { confirmFirst, mountLockOut } from './lock-out.ts'
import { ADDRESSES } from './paths.ts'

/** From where an account's keys may be used. */
export function mountAddresses(area: Area): void {
  area.show(
    ADDRESSES,
    'places.read',
    inOneAccount((visit, id) => show(visit, id, null)),
  )
  area.act(ADDRESSES, 'addresses.write', add)
  mountLockOut(area)
}

async function add(visit: Visit): Promise<Response> {
  const { accounts, places } = visit.desk
  const accountId = text(visit, 'account')
  const wish = { network: text(visit, 'network'), note: text(visit, 'note') }
  const account = await accounts.find(accountId)
  if (!account.ok) return problem(visit.c, visit.caller, 'not_found')
  // An empty list enforces nothing: the first address of one that is in force shuts out all others.
  if (account.value.addressesEnforced && optional(visit, 'confirmed') === undefined) {
    const rules = await places.listAddresses(accountId)
    const isNetwork = networksOf([wish.network]).length > 0
    if (rules.length === 0 && isNetwork) return confirmFirst(visit, account.value, wish)
  }
  const added = await places.addAddress({ accountId, ...wish })
  return added.ok
    ? seeOther(visit.c, ADDRESSES, 'address-added')
    : show(visit, accountId, added.failure)
}

async function show(visit: Visit, accountId: string, refusal: Refusal | null): Promise<Response> {
  const { accounts, places } = visit.desk
  const [found, rules] = await Promise.all([
    accounts.find(accountId),
    places.listAddresses(accountId),
  ])
  if (!found.ok) return problem(visit.c, visit.caller, 'not_found')
  const account = found.value
  const mayWrite = visit.may('addresses.write')
  const body = html`${refused(messageOf(refusal))}
    <div class="columns">
      <div class="stack">${standing(account, rules)}
        <section class="card"><h2>Where you are</h2>${yours(visit, account, rules)}</section></div>
      ${mayWrite ? html`<section class="card"><h2>Add an address</h2>${addForm(visit, account, refusal)}</section>` : nothing}
    </div>
    <section class="card flush">${rules.length === 0 ? nobodyYet : tableOf(visit, rules)}</section>`
  const head = {
    title: 'Addresses',
    about: `From where the keys of ${account.name} may be used. This console can be used from anywhere.`,
    actions: mayWrite ? toggle(account) : nothing,
  }
  return page(visit, head, body, statusOf(refusal))
}

function standing({ name, addressesEnforced }: Account, rules: readonly AddressRule[]): Html {
  if (!addressesEnforced) {
    return notice('plain', 'Not in force', `The keys of ${name} work from anywhere.`)
  }
  return rules.length === 0
    ? notice(
        'warn',
        'In force, but the list is empty',
        `The keys of ${name} work from anywhere. The first address that is added shuts out all others.`,
      )
    : notice(
        'good',
        'In force',
        `The keys of ${name} work from the addresses of the list alone. Everything else is refused.`,
      )
}

const toggle = ({ addressesEnforced }: Account): Html =>
  addressesEnforced
    ? link(`${ADDRESSES}/open`, 'Let keys work from anywhere')
    : link(`${ADDRESSES}/enforce`, 'Put the list in force', 'primary')

/** With one click, so that nobody mistypes where he is. */
function yours(visit: Visit, account: Account, rules: readonly AddressRule[]): Html {
  const parsed = parseAddress(visit.caller.address)
  if (parsed === null) return html`<p>The server does not see from which address you come.</p>`
  const address = formatAddress(parsed)
  const isListed = isWithin(networksOf(rules.map(({ network }) => network)), parsed)
  const offer =
    visit.may('addresses.write') && !isListed
      ? press(visit.formToken, ADDRESSES, 'Add it', {
          what: `Add it: ${address}`,
          fields: {
            account: account.id,
            network: address,
            note: `From where ${visit.person.user.username ?? visit.person.user.email} added it`,
          },
        })
      : nothing
  return html`<p>You come from ${copyable(address, 'your address')}</p>
    <p>${isListed ? 'It is on the list.' : 'It is not on the list.'}</p>${offer}`
}

const addForm = (visit: Visit, { id }: Account, refusal: Refusal | null): Html => {
  const typed = (name: string) => (refusal === null ? '' : text(visit, name))
  return form(
    visit.formToken,
    ADDRESSES,
    html`${hidden('account', id)}
      ${field({ name: 'network', label: 'Address or network', value: typed('network'), hint: 'As 203.0.113.7, 203.0.113.0/24 or 2001:db8::/32.', required: true, spellcheck: false })}
      ${field({ name: 'note', label: 'Note', value: typed('note'), hint: 'Whose it is, so that somebody dares to remove it one day.' })}
      <div class="row">${submit('Add to the list')}</div>`,
  )
}

const nobodyYet = empty(
  'The list is empty',
  'While it is, keys work from anywhere, in force or not. Add the addresses from which they are used, then put the list in force.',
)

function tableOf(visit: Visit, rules: readonly AddressRule[]): Html {
  const mayWrite = visit.may('addresses.write')
  return table({
    caption: plural(rules.length, 'entry', 'entries'),
    columns: [
      { name: 'Address or network' },
      { name: 'Note' },
      { name: 'Added', end: true },
      ...(mayWrite ? [{ name: 'Action', end: true }] : []),
    ],
    rows: rules.map(({ id, network, note, createdAt }) => [
      html`<code>${network}</code>`,
      note,
      moment(createdAt, visit.now),
      ...(mayWrite
        ? [
            html`<a class="button compact danger" href="${ADDRESSES}/${id}/remove" aria-label="Remove ${network}">Remove</a>`,
          ]
        : []),
    ]),
  })
}
