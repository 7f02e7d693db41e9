import { html } from 'hono/html'
import { DIALECT_NAMES } from '../../../domain/dialect.ts'
import { page } from '../answer.ts'
import { accountIdOf } from '../one-account.ts'
import { choices, link, submit } from '../parts/form.ts'
import { type Html, nothing } from '../parts/html.ts'
import { text, type Visit } from '../visit.ts'
import { CRUMBS, KEYS } from './paths.ts'
import { choiceOrId, listAccounts } from './places.ts'
import { DIALECT_WORDS } from './words.ts'

export const NEW = `${KEYS}/new`
export const NEW_TITLE = { title: 'Create a key', crumbs: CRUMBS }

/** First what it is to be: the dialect decides which questions follow. */
export async function choose(visit: Visit): Promise<Response> {
  const body = html`
    <section class="card"><form method="get" action="${NEW}">
      ${choices({
        name: 'dialect',
        legend: 'Whose wire format is it for?',
        value: text(visit, 'dialect'),
        options: DIALECT_NAMES.map((value) => ({
          value,
          text: DIALECT_WORDS[value].name,
          hint: DIALECT_WORDS[value].means,
        })),
      })}
      ${await account(visit)}
      <div class="row">${submit('Next')}${link(KEYS, 'Cancel', 'quiet')}</div>
    </form></section>`
  return page(visit, NEW_TITLE, body)
}

/** Who sees all accounts says for which one it is. */
async function account(visit: Visit): Promise<Html> {
  if (accountIdOf(visit) !== null) return nothing
  const value = text(visit, 'account')
  return choiceOrId({ name: 'account', label: 'Account', value, found: await listAccounts(visit) })
}
