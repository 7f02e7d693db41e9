import { toStoredId } from '../../../domain/id.ts'
import { mayHoldKeys } from '../../../domain/key.ts'
import type { User } from '../../../service/ports.ts'
import { choicesFound } from '../answer.ts'
import type { Area } from '../area.ts'
import type { Choice } from '../parts/form.ts'
import { optional, text, type Visit } from '../visit.ts'
import { KEYS } from './paths.ts'

/** So many are offered without a script. */
const OFFERED = 100
const SUGGESTED = 10

/** Who may own a key: of this account, and known by a username where the dialect sends it. */
export interface Ownership {
  readonly accountId: string | undefined
  readonly named: boolean
}

const canOwn =
  ({ named }: Ownership) =>
  (user: User): boolean =>
    user.leftAt === null && mayHoldKeys(user.role) && (!named || user.username !== null)

const choiceOf = ({ email, username, role }: User): Choice => ({
  value: email,
  text: `${email} (${username === null ? '' : `${username}, `}${role})`,
})

/** People for who types a part of what one is called. */
export function mountOwners(area: Area): void {
  area.show(`${KEYS}/owners`, 'users.read', async (visit) => {
    const of = { accountId: optional(visit, 'account'), named: text(visit, 'named') === 'yes' }
    const found = await search(visit, of.accountId, text(visit, 'q'))
    return choicesFound(visit, found.filter(canOwn(of)).slice(0, SUGGESTED).map(choiceOf))
  })
}

/** Where a field asks for them; what was typed is put at its end. */
export const ownersHref = ({ accountId, named }: Ownership): string =>
  `${KEYS}/owners?account=${encodeURIComponent(accountId ?? '')}&named=${named ? 'yes' : ''}&q=`

/** The first of them, for a page without a script. */
export async function offeredOwners(visit: Visit, of: Ownership): Promise<Choice[]> {
  return (await search(visit, of.accountId, '')).filter(canOwn(of)).map(choiceOf)
}

/** Who is called just this, by e-mail address, username or id. */
export async function findPerson(
  visit: Visit,
  called: string,
  accountId?: string,
): Promise<User | null> {
  const byId = await visit.desk.accounts.findUser(toStoredId(called))
  if (byId.ok) return byId.value
  const found = await search(visit, accountId, called)
  const is = (name: string | null) => name?.toLowerCase() === called.toLowerCase()
  return found.find(({ email, username }) => is(email) || is(username)) ?? null
}

const search = (visit: Visit, accountId: string | undefined, asked: string) =>
  visit.desk.accounts.searchUsers({ accountId, text: asked, limit: OFFERED })
