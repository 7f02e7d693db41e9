import { mayHoldKeys } from '../../../domain/key.ts'
import { choicesFound } from '../answer.ts'
import type { Area } from '../area.ts'
import { text } from '../visit.ts'
import { PEOPLE } from './paths.ts'

const LOOKED_AT = 50
const OFFERED = 10

/** Who may own a key, as somebody types a part of what he is called. What is put into the field is his e-mail address. */
export function mountSuggest(area: Area): void {
  area.show(`${PEOPLE}/suggest`, 'users.read', async (visit) => {
    const q = text(visit, 'q')
    const found =
      q === '' ? [] : await visit.desk.accounts.searchUsers({ text: q, limit: LOOKED_AT })
    const holders = found.filter(({ role }) => mayHoldKeys(role)).slice(0, OFFERED)
    return choicesFound(
      visit,
      holders.map(({ email, username, role }) => ({
        value: email,
        text: username === null ? `${email}, ${role}` : `${email}, ${username}, ${role}`,
      })),
    )
  })
}
