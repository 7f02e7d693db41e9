import { html } from 'hono/html'
import { ok } from '../../../../domain/failure.ts'
import { toStoredId } from '../../../../domain/id.ts'
import { listAccessLevels } from '../../../../domain/key.ts'
import { getKeyTypeTraits, type KeyType } from '../../../../domain/key-type.ts'
import { canHoldKeys } from '../../../../domain/role.ts'
import type { Operation } from '../../../../operations/define.ts'
import type { User } from '../../../../service/ports/accounts.ts'
import {
  failInvalid,
  type ServiceError,
  type ServiceResult,
} from '../../../../service/service-result.ts'
import {
  type Choice,
  hiddenField,
  PICKER_ROW_LIMIT,
  type PickerOptions,
  selectField,
  textArea,
  textField,
  toPickerOptions,
} from '../../components/form.ts'
import { errorNotice, formatDay, type Html } from '../../components/html.ts'
import { labelServiceError } from '../../components/members.ts'
import { getField, getOptionalField, type PageContext } from '../../context.ts'
import { DEVELOPERS_PATH, KEYS_PATH, SITES_PATH, SOURCES_PATH } from '../../navigation.ts'
import { sendSuggestions } from '../../render.ts'
import type { ConsoleRouter } from '../../router.ts'
import { ACCESS_LEVEL_LABELS } from './key-components.ts'

/** The free texts of a key, as they were typed. */
interface KeyTextValues {
  readonly name: string
  readonly description: string
  readonly reference: string
}

export const keyFormFields = (values: KeyTextValues, error: ServiceError | null): Html => html`
  ${textField({ name: 'name', label: 'Name', value: values.name, hint: 'The program or office that uses the key.', required: true, maxlength: 200, autofocus: error === null })}
  ${textArea({ name: 'description', label: 'Description', value: values.description, hint: 'What the key is for, and who to ask before changing it.', maxlength: 2000 })}
  ${textField({ name: 'reference', label: 'Reference', value: values.reference, hint: 'The number of the key in another system. Optional.', maxlength: 200 })}`

/**
 * Suggests owners while a part of their name is typed. Without a script, `owner-chosen` is a list to
 * choose from and takes precedence over `owner` when it is set.
 */
export function ownerField(
  value: string,
  filter: KeyOwnerFilter,
  options: readonly Choice[],
  serviceError: ServiceError | null,
): Html {
  const error = getFieldError('ownerId', serviceError)
  return html`
  ${textField({
    name: 'owner',
    label: 'Owner',
    value,
    hint: filter.requiresUsername
      ? 'An engineer or administrator with a username, which is sent with the key. Type part of the name.'
      : 'The engineer or administrator who is responsible for the key. Type part of the name.',
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

/** Offers no choice where the key type has only one access level. */
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

/** Bounds the list that is offered without a script. */
const OWNER_SEARCH_LIMIT = 100
const MAX_OWNER_SUGGESTIONS = 10

/** The users who may own a key: of this account, with a username where the key type sends it. */
export interface KeyOwnerFilter {
  readonly accountId: string | undefined
  readonly requiresUsername: boolean
}

const canOwnKey =
  ({ requiresUsername }: KeyOwnerFilter) =>
  (user: User): boolean =>
    user.deactivatedAt === null &&
    canHoldKeys(user.role) &&
    (!requiresUsername || user.username !== null)

const toOwnerChoice = ({ email, username, role }: User): Choice => ({
  value: email,
  text: `${email} (${username === null ? '' : `${username}, `}${role})`,
})

export function mountOwnerSuggestions(router: ConsoleRouter): void {
  router.page(`${KEYS_PATH}/owners`, 'users.search', sendOwnerSuggestions)
}

async function sendOwnerSuggestions(context: PageContext): Promise<Response> {
  const filter: KeyOwnerFilter = {
    accountId: getOptionalField(context, 'account'),
    requiresUsername: getField(context, 'named') === 'yes',
  }
  const choices = await listOwnerChoices(context, filter, getField(context, 'q'))
  return sendSuggestions(context, choices.slice(0, MAX_OWNER_SUGGESTIONS))
}

/** The URL that suggests owners; the browser appends the typed text. */
export const formatOwnerSearchPath = ({ accountId, requiresUsername }: KeyOwnerFilter): string =>
  `${KEYS_PATH}/owners?account=${encodeURIComponent(accountId ?? '')}&named=${requiresUsername ? 'yes' : ''}&q=`

export async function listOwnerChoices(
  context: PageContext,
  filter: KeyOwnerFilter,
  text = '',
): Promise<Choice[]> {
  const users = await searchOwners(context, filter.accountId, text)
  return users.filter(canOwnKey(filter)).map(toOwnerChoice)
}

/** Finds a user by their whole e-mail address, username or id. */
export async function findUserByNameOrId(
  context: PageContext,
  nameOrId: string,
  accountId?: string,
): Promise<User | null> {
  const byId = await context.services.users.find(toStoredId(nameOrId))
  if (byId.ok) return byId.value
  const found = await searchOwners(context, accountId, nameOrId)
  const isMatch = (name: string | null) => name?.toLowerCase() === nameOrId.toLowerCase()
  return found.find(({ email, username }) => isMatch(email) || isMatch(username)) ?? null
}

const searchOwners = (context: PageContext, accountId: string | undefined, query: string) =>
  context.services.users.search({ accountId, text: query, limit: OWNER_SEARCH_LIMIT })

/** Finds the owner that the form names, chosen from its list or typed. */
export async function readKeyOwner(
  context: PageContext,
  accountId: string,
): Promise<ServiceResult<User>> {
  const ownerText = getOwnerField(context)
  if (ownerText === '')
    return failInvalid('a key needs an owner: type part of their email address', 'ownerId')
  const user = await findUserByNameOrId(context, ownerText, accountId)
  return user === null
    ? failInvalid(
        `no user of this account is called “${ownerText}”: choose one from the list`,
        'ownerId',
      )
    : ok(user)
}

/** The owner as the user named them: chosen from the list, or typed. */
export const getOwnerField = (context: PageContext): string =>
  getField(context, 'owner-chosen') || getField(context, 'owner')

/** Keys expire at the beginning of a day (UTC). */
export function expiryField(value: string, serviceError: ServiceError | null): Html {
  const error = getFieldError('expiresAt', serviceError)
  return textField({
    name: 'expires',
    label: 'Expires on',
    type: 'date',
    value,
    hint: 'The key is refused from the start of this day (UTC). Leave it empty for no expiry.',
    error,
    autofocus: error !== undefined,
  })
}

/** Returns null for never. An unchanged day keeps the exact instant of `current`. */
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
    ? failInvalid(`${JSON.stringify(value)} is not a date: write it as 2027-01-31`, 'expiresAt')
    : ok(expiresAt)
}

export const listSiteOptions = async (
  { services }: PageContext,
  accountId?: string,
): Promise<PickerOptions> =>
  toPickerOptions(await services.sites.list({ accountId, limit: PICKER_ROW_LIMIT }))

export interface KeyParent {
  /** The name of the form field. */
  readonly name: 'source' | 'site' | 'developer'
  readonly label: string
  /** The page that creates one. */
  readonly path: string
}

const KEY_PARENTS = {
  source: { name: 'source', label: 'Source', path: SOURCES_PATH },
  site: { name: 'site', label: 'Site', path: SITES_PATH },
  developer: { name: 'developer', label: 'Developer', path: DEVELOPERS_PATH },
} as const satisfies Record<string, KeyParent>

/** Finds the resource that a key of this type belongs to beside its owner; null where there is none. */
export function findKeyParent(keyType: KeyType): KeyParent | null {
  const { belongsTo } = getKeyTypeTraits(keyType)
  return belongsTo === 'owner' ? null : KEY_PARENTS[belongsTo]
}

export async function listParentOptions(
  context: PageContext,
  { name }: KeyParent,
  accountId: string,
): Promise<PickerOptions> {
  const { developers, sources } = context.services
  const query = { accountId, limit: PICKER_ROW_LIMIT }
  switch (name) {
    case 'source':
      return toPickerOptions(await sources.list(query))
    case 'site':
      return listSiteOptions(context, accountId)
    case 'developer':
      return toPickerOptions(await developers.list(query))
  }
}

/** The members whose fields repeat an error about them, and then have the focus. */
const CHECKED_MEMBERS = ['ownerId', 'expiresAt'] as const

const getFieldError = (
  member: (typeof CHECKED_MEMBERS)[number],
  error: ServiceError | null,
): string | undefined =>
  error !== null && 'field' in error && error.field === member ? error.message : undefined

/** Renders the error of a form of a key, whose operation labels the fields. */
export const keyErrorNotice = (operation: Operation, error: ServiceError | null): Html =>
  errorNotice(error === null ? null : labelServiceError(operation, error).message, {
    focus: CHECKED_MEMBERS.every((member) => getFieldError(member, error) === undefined),
  })
