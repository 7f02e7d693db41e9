import type { Account } from '../../../service/ports.ts'
import { seeOther } from '../answer.ts'
import type { Area } from '../area.ts'
import { inOneAccount } from '../one-account.ts'
import { problem } from '../problem.ts'
import { part, text, type Visit } from '../visit.ts'
import { ADDRESSES } from './paths.ts'
import { askFirst, textOf } from './shut-out.ts'

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
  askFirst(visit, false, {
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
  return askFirst(visit, isStale, { ...question, account, rules })
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
  return askFirst(visit, isStale, {
    title: `Remove ${rule.network}?`,
    about: rule.note === '' ? undefined : rule.note,
    account: found.value,
    networks: found.value.addressesEnforced ? left : [],
    rules,
    action: `${ADDRESSES}/${rule.id}/remove`,
    button: 'Remove it',
  })
}
