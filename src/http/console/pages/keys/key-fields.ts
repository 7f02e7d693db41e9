import { html } from 'hono/html'
import { fail, ok } from '../../../../domain/failure.ts'
import { toStoredId } from '../../../../domain/id.ts'
import { canHoldKeys, listAccessLevels } from '../../../../domain/key.ts'
import type { KeyType } from '../../../../domain/key-type.ts'
import type { User } from '../../../../service/ports/accounts.ts'
import {
  failInvalid,
  type ServiceError,
  type ServiceResult,
} from '../../../../service/service-result.ts'
import {
  type Choice,
  hiddenField,
  selectField,
  textArea,
  textField,
} from '../../components/form.ts'
import type { Html } from '../../components/html.ts'
import { formatDay } from '../../components/time.ts'
import { getField, getOptionalField, type PageContext } from '../../context.ts'
import { KEYS_PATH } from '../../navigation.ts'
import { sendSuggestions } from '../../render.ts'
import type { ConsoleRouter } from '../../router.ts'
import { ACCESS_LEVEL_LABELS } from './key-labels.ts'

/** What people write about a key, as it was typed. */
export interface KeyTextValues {
  readonly name: string
  readonly description: string
  readonly reference: string
}

export const keyFormFields = (values: KeyTextValues, error: ServiceError | null): Html => html`
  ${textField({ name: 'name', label: 'Name', value: values.name, hint: 'What people call it: the program, the office.', required: true, maxlength: 200, autofocus: error === null })}
  ${textArea({ name: 'description', label: 'Description', value: values.description, hint: 'What it is for, and whom to ask before it is changed.', maxlength: 2000 })}
  ${textField({ name: 'reference', label: 'Reference', value: values.reference, hint: 'Its number in a system of yours. May be empty.', maxlength: 200 })}`

/**
 * Who answers for it: one types a part of what he is called. Without a script, one of a list; which of
 * the two was used is told by which is filled in.
 */
export function ownerField(
  value: string,
  filter: KeyOwnerFilter,
  options: readonly Choice[],
  serviceError: ServiceError | null,
): Html {
  const error = getFieldError('owner', serviceError)
  return html`
  ${textField({
    name: 'owner',
    label: 'Owner',
    value,
    hint: filter.requiresUsername
      ? 'An engineer or administrator who has a username: it is sent with the key. Type a part of the name.'
      : 'The engineer or administrator who answers for it. Type a part of the name.',
    list: 'owner-choices',
    suggest: formatOwnerSearchPath(filter),
    error,
    autofocus: error !== undefined,
  })}
  <datalist id="owner-choices">${options.map(
    ({ value, text }) => html`<option value="${value}" label="${text}"></option>`,
  )}</datalist>
  <noscript>${selectField({
    name: 'owner-chosen',
    label: 'Or choose the owner',
    choices: [{ value: '', text: 'As typed above' }, ...options],
  })}</noscript>`
}

/** Where a dialect knows but one, there is nothing to choose. */
export function accessLevelField(keyType: KeyType, value: string): Html {
  const accessLevels = listAccessLevels(keyType)
  return accessLevels.length === 1
    ? hiddenField('access', accessLevels[0] ?? '')
    : selectField({
        name: 'access',
        label: 'Access',
        value: value || 'standard',
        choices: accessLevels.map((access) => ({
          value: access,
          text: ACCESS_LEVEL_LABELS[access],
        })),
      })
}

/** So many are offered without a script. */
const OWNER_SEARCH_LIMIT = 100
const MAX_OWNER_SUGGESTIONS = 10

/** Who may own a key: of this account, and known by a username where the dialect sends it. */
export interface KeyOwnerFilter {
  readonly accountId: string | undefined
  readonly requiresUsername: boolean
}

const canOwnKey =
  ({ requiresUsername }: KeyOwnerFilter) =>
  (user: User): boolean =>
    user.leftAt === null && canHoldKeys(user.role) && (!requiresUsername || user.username !== null)

const toOwnerChoice = ({ email, username, role }: User): Choice => ({
  value: email,
  text: `${email} (${username === null ? '' : `${username}, `}${role})`,
})

/** People for who types a part of what one is called. */
export function mountOwnerSuggestions(router: ConsoleRouter): void {
  router.page(`${KEYS_PATH}/owners`, 'users.read', async (context) => {
    const filter = {
      accountId: getOptionalField(context, 'account'),
      requiresUsername: getField(context, 'named') === 'yes',
    }
    const found = await searchOwners(context, filter.accountId, getField(context, 'q'))
    return sendSuggestions(
      context,
      found.filter(canOwnKey(filter)).slice(0, MAX_OWNER_SUGGESTIONS).map(toOwnerChoice),
    )
  })
}

/** Where a field asks for them; what was typed is put at its end. */
export const formatOwnerSearchPath = ({ accountId, requiresUsername }: KeyOwnerFilter): string =>
  `${KEYS_PATH}/owners?account=${encodeURIComponent(accountId ?? '')}&named=${requiresUsername ? 'yes' : ''}&q=`

/** The first of them, for a page without a script. */
export async function listOwnerChoices(
  context: PageContext,
  filter: KeyOwnerFilter,
): Promise<Choice[]> {
  return (await searchOwners(context, filter.accountId, ''))
    .filter(canOwnKey(filter))
    .map(toOwnerChoice)
}

/** Who is called just this, by e-mail address, username or id. */
export async function findUserByNameOrId(
  context: PageContext,
  nameOrId: string,
  accountId?: string,
): Promise<User | null> {
  const byId = await context.services.accounts.findUser(toStoredId(nameOrId))
  if (byId.ok) return byId.value
  const found = await searchOwners(context, accountId, nameOrId)
  const isMatch = (name: string | null) => name?.toLowerCase() === nameOrId.toLowerCase()
  return found.find(({ email, username }) => isMatch(email) || isMatch(username)) ?? null
}

const searchOwners = (context: PageContext, accountId: string | undefined, query: string) =>
  context.services.accounts.searchUsers({ accountId, text: query, limit: OWNER_SEARCH_LIMIT })

/** Whom the form names as the owner: chosen from its list, or typed. */
export async function readKeyOwner(
  context: PageContext,
  accountId: string,
): Promise<ServiceResult<User>> {
  const ownerText = getField(context, 'owner-chosen') || getField(context, 'owner')
  if (ownerText === '')
    return failInvalid('a key needs an owner: type a part of their e-mail address')
  const user = await findUserByNameOrId(context, ownerText, accountId)
  return user === null
    ? failInvalid(`nobody of this account is called “${ownerText}”: choose somebody of the list`)
    : ok(user)
}

/** Keys expire at the beginning of a day. */
export function expiryField(value: string, serviceError: ServiceError | null): Html {
  const error = getFieldError('expires', serviceError)
  return textField({
    name: 'expires',
    label: 'Expires on',
    type: 'date',
    value,
    hint: 'Refused from the beginning of this day (UTC) on. Empty: it never expires.',
    error,
    autofocus: error !== undefined,
  })
}

/** Null for never. A day that was not changed leaves the moment as it is. */
export function parseKeyExpiry(
  value: string,
  current: number | null = null,
): ServiceResult<number | null> {
  if (value === '') return ok(null)
  if (current !== null && value === formatDay(current)) return ok(current)
  const expiresAt = /^\d{4}-\d{2}-\d{2}$/.test(value)
    ? Date.parse(`${value}T00:00:00Z`)
    : Number.NaN
  return Number.isNaN(expiresAt)
    ? failInvalid(`${JSON.stringify(value)} is no day: write 2027-01-31`)
    : ok(expiresAt)
}

/** The fields whose text is read before the service sees it. */
type CheckedField = 'owner' | 'expires'

/** A refusal of what stands in one field. It is told there too, and the field has the focus. */
export const failInField = (field: CheckedField, error: ServiceError) =>
  fail<ServiceError & { readonly field: CheckedField }>({ ...error, field })

export const getFieldError = (
  field: CheckedField,
  error: ServiceError | null,
): string | undefined =>
  error !== null && 'field' in error && error.field === field ? error.message : undefined

/** Whether a field of the form is told to be wrong, and has the focus. */
export const isFieldError = (error: ServiceError | null): boolean =>
  error !== null && 'field' in error
