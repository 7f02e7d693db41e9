import { html } from 'hono/html'
import type { Dialect } from '../../../domain/dialect.ts'
import { accessesOf } from '../../../domain/key.ts'
import type { Refusal } from '../../../service/operator.ts'
import { area, type Choice, field, hidden, select } from '../parts/form.ts'
import type { Html } from '../parts/html.ts'
import { errorIn } from './in-field.ts'
import { type Ownership, ownersHref } from './owners.ts'
import { ACCESS_WORDS } from './words.ts'

/** What people write about a key, as it was typed. */
export interface Typed {
  readonly name: string
  readonly description: string
  readonly reference: string
}

export const textFields = (typed: Typed, refusal: Refusal | null): Html => html`
  ${field({ name: 'name', label: 'Name', value: typed.name, hint: 'What people call it: the program, the office.', required: true, maxlength: 200, autofocus: refusal === null })}
  ${area({ name: 'description', label: 'Description', value: typed.description, hint: 'What it is for, and whom to ask before it is changed.', maxlength: 2000 })}
  ${field({ name: 'reference', label: 'Reference', value: typed.reference, hint: 'Its number in a system of yours. May be empty.', maxlength: 200 })}`

/**
 * Who answers for it: one types a part of what he is called. Without a script, one of a list; which of
 * the two was used is told by which is filled in.
 */
export function ownerField(
  value: string,
  of: Ownership,
  offered: readonly Choice[],
  refusal: Refusal | null,
): Html {
  const error = errorIn('owner', refusal)
  return html`
  ${field({
    name: 'owner',
    label: 'Owner',
    value,
    hint: of.named
      ? 'An engineer or administrator who has a username: it is sent with the key. Type a part of the name.'
      : 'The engineer or administrator who answers for it. Type a part of the name.',
    list: 'owner-choices',
    suggest: ownersHref(of),
    error,
    autofocus: error !== undefined,
  })}
  <datalist id="owner-choices">${offered.map(
    ({ value, text }) => html`<option value="${value}" label="${text}"></option>`,
  )}</datalist>
  <noscript>${select({
    name: 'owner-chosen',
    label: 'Or choose the owner',
    choices: [{ value: '', text: 'As typed above' }, ...offered],
  })}</noscript>`
}

/** Where a dialect knows but one, there is nothing to choose. */
export function accessField(dialect: Dialect, value: string): Html {
  const accesses = accessesOf(dialect)
  return accesses.length === 1
    ? hidden('access', accesses[0] ?? '')
    : select({
        name: 'access',
        label: 'Access',
        value: value || 'standard',
        choices: accesses.map((access) => ({ value: access, text: ACCESS_WORDS[access] })),
      })
}
