import { html } from 'hono/html'
import { type Dialect, traitsOf } from '../../../domain/dialect.ts'
import type { Refusal } from '../../../service/operator.ts'
import { page } from '../answer.ts'
import { field, form, hidden, link, submit } from '../parts/form.ts'
import { type Html, nothing } from '../parts/html.ts'
import { notice, refused } from '../parts/words.ts'
import { statusOf } from '../refusal.ts'
import { text, type Visit } from '../visit.ts'
import { NEW, NEW_TITLE } from './choose.ts'
import { expiryField } from './expiry.ts'
import { accessField, ownerField, textFields } from './fields.ts'
import { isInField } from './in-field.ts'
import { offeredOwners } from './owners.ts'
import { choiceOrId, listPlaces, type PlaceKind, placeKindOf } from './places.ts'
import { DIALECT_WORDS } from './words.ts'

export interface Beginning {
  readonly dialect: Dialect
  readonly accountId: string
  /** That the key is to have: whoever sends the form twice makes one key. */
  readonly id: string
}

/** The questions that keys of this dialect have, with what was typed before. */
export async function createForm(
  visit: Visit,
  { dialect, accountId, id }: Beginning,
  refusal: Refusal | null,
): Promise<Response> {
  const typed = (name: string) => text(visit, name)
  const ownership = { accountId, named: dialect === 'practice' }
  const [owners, place] = await Promise.all([
    offeredOwners(visit, ownership),
    placeField(visit, dialect, accountId),
  ])
  const { user } = visit.person
  const mine = owners.some(({ value }) => value === user.email) ? user.email : ''
  const body = html`${refused(refusal?.message ?? null, { focus: !isInField(refusal) })}
    <section class="card">
      <header><h2>${DIALECT_WORDS[dialect].name}</h2>
        ${link(`${NEW}?account=${encodeURIComponent(accountId)}`, 'Another dialect', 'compact quiet')}</header>
      <p class="soft">${DIALECT_WORDS[dialect].means}</p>
      ${form(
        visit.formToken,
        NEW,
        html`
        ${hidden('dialect', dialect)}${hidden('account', accountId)}${hidden('id', id)}
        ${textFields({ name: typed('name'), description: typed('description'), reference: typed('reference') }, refusal)}
        ${ownerField(refusal === null ? mine : typed('owner-chosen') || typed('owner'), ownership, owners, refusal)}
        ${place}
        ${accessField(dialect, typed('access'))}
        ${expiryField(typed('expires'), refusal)}
        ${issuedBefore(dialect, typed('public-id'))}
        <div class="row">${submit('Create the key')}${link(NEW, 'Back', 'quiet')}</div>`,
      )}
    </section>`
  return page(visit, NEW_TITLE, body, statusOf(refusal))
}

async function placeField(visit: Visit, dialect: Dialect, accountId: string): Promise<Html> {
  const kind = placeKindOf(dialect)
  if (kind === null) return nothing
  const found = await listPlaces(visit, kind, accountId)
  return found?.length === 0
    ? noneYet(kind)
    : choiceOrId({ ...kind, value: text(visit, kind.name), found, hint: HINTS[kind.name] })
}

const HINTS: Readonly<Record<PlaceKind['name'], string>> = {
  source: 'Whose messages it sends. A source has one key at a time.',
  site: 'The site whose data it opens.',
  developer: 'Under whose developer key it is sent.',
}

const noneYet = ({ label, made }: PlaceKind): Html =>
  notice(
    'warn',
    `This account has no ${label.toLowerCase()} yet`,
    html`A key of this dialect needs one. ${link(made, `Make a ${label.toLowerCase()} first`, 'compact')}`,
  )

/** A secret is not put into a page again: it is to be typed anew where the form comes back. */
const issuedBefore = (dialect: Dialect, publicId: string): Html => html`
  <details class="more"${publicId === '' ? nothing : html` open`}>
    <summary>Take over a key that another system issued</summary>
    <div class="stack">
      ${field({ name: 'public-id', label: 'Public id', value: publicId, hint: 'As its user has it. Empty: one is made.', maxlength: 128, spellcheck: false })}
      ${field({ name: 'secret', label: 'Secret', type: 'password', hint: `16 to 512 characters${traitsOf(dialect).secret === 'exchanged' ? '' : ' without blanks'}. Empty: one is made and shown to you.`, autocomplete: 'new-password', maxlength: 512 })}
    </div>
  </details>`
