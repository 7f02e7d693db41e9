import { html } from 'hono/html'
import type { AccessLevel } from '../../../../domain/key.ts'
import { getKeyTypeTraits, KEY_TYPE_NAMES, type KeyType } from '../../../../domain/key-type.ts'
import type { KeyWithSecret } from '../../../../service/keys/input.ts'
import type { ServiceError, ServiceResult } from '../../../../service/service-result.ts'
import { getAccountId } from '../../account-selection.ts'
import {
  buttonLink,
  hiddenField,
  postForm,
  radioGroup,
  submitButton,
  textField,
} from '../../components/form.ts'
import { errorNotice, type Html, nothing, notice } from '../../components/html.ts'
import { getField, getOptionalField, type PageContext } from '../../context.ts'
import { toErrorStatus } from '../../errors.ts'
import { formatKeyPath, KEYS_CRUMBS, KEYS_PATH } from '../../navigation.ts'
import { redirectToPage, renderPage } from '../../render.ts'
import type { ConsoleRouter } from '../../router.ts'
import {
  accessLevelField,
  expiryField,
  failInField,
  isFieldError,
  keyFormFields,
  listOwnerChoices,
  ownerField,
  parseKeyExpiry,
  readKeyOwner,
} from './key-fields.ts'
import { KEY_TYPE_LABELS } from './key-labels.ts'
import { renderSecretPage } from './key-secret.ts'
import {
  findKeyParent,
  type KeyParent,
  listAccountOptions,
  listParentOptions,
  resourcePicker,
} from './resource-picker.ts'
import type { KeyPageDeps } from './with-key.ts'

/** What a form or an address names: the rest is asked for first. */
interface NewKeySelection {
  readonly keyType: KeyType
  readonly accountId: string
}

/** First the dialect, then what its keys have, then the secret, once. */
export function mountCreateKeyPages(router: ConsoleRouter, { uuid }: KeyPageDeps): void {
  router.page(NEW_KEY_PATH, 'keys.write', async (context) => {
    const selection = parseNewKeySelection(context)
    if (selection === null) return renderKeyTypePage(context)
    return renderCreateForm(context, { ...selection, id: uuid() }, null)
  })

  router.form(NEW_KEY_PATH, 'keys.write', async (context) => {
    const selection = parseNewKeySelection(context)
    if (selection === null) return renderKeyTypePage(context)
    const id = getOptionalField(context, 'id') ?? uuid()
    const result = await createKeyFromForm(context, { ...selection, id })
    if (result.ok) {
      return getOptionalField(context, 'secret') === undefined
        ? renderSecretPage(context, result.value, 'created')
        : redirectToPage(context.c, formatKeyPath(result.value.key), 'key-created')
    }
    const existing = await context.services.keys.find(id)
    return existing.ok
      ? renderAlreadyCreated(context, formatKeyPath(existing.value))
      : renderCreateForm(context, { ...selection, id }, result.failure)
  })
}

function parseNewKeySelection(context: PageContext): NewKeySelection | null {
  const keyType = KEY_TYPE_NAMES.find((name) => name === getField(context, 'dialect'))
  const accountId = getAccountId(context) ?? getOptionalField(context, 'account')
  return keyType === undefined || accountId === undefined ? null : { keyType, accountId }
}

async function createKeyFromForm(
  context: PageContext,
  { keyType, accountId, id }: NewKeySelection & { readonly id: string },
): Promise<ServiceResult<KeyWithSecret>> {
  const owner = await readKeyOwner(context, accountId)
  if (!owner.ok) return failInField('owner', owner.failure)
  const expiresAt = parseKeyExpiry(getField(context, 'expires'))
  if (!expiresAt.ok) return failInField('expires', expiresAt.failure)
  const parent = findKeyParent(keyType)
  return context.services.keys.create({
    id,
    dialect: keyType,
    ownerId: owner.value.id,
    name: getField(context, 'name'),
    description: getField(context, 'description'),
    reference: getField(context, 'reference'),
    ...(parent !== null && { [`${parent.name}Id`]: getOptionalField(context, parent.name) }),
    access: getOptionalField(context, 'access') as AccessLevel | undefined,
    expiresAt: expiresAt.value ?? undefined,
    publicId: getOptionalField(context, 'public-id'),
    secret: getOptionalField(context, 'secret'),
  })
}

/** The form was sent twice: by the back button, by a reload, by two presses. */
const renderAlreadyCreated = (context: PageContext, path: string): Promise<Response> =>
  renderPage(
    context,
    NEW_KEY_HEADING,
    html`${notice(
      'warn',
      'This key was made already',
      'The form was sent before. No second key was made, and the secret is not shown again. If it was not kept, rotate it.',
    )}<p class="row">${buttonLink(path, 'To the key', 'primary')}${buttonLink(`${path}/rotate`, 'Rotate the secret')}</p>`,
    409,
  )

export const NEW_KEY_PATH = `${KEYS_PATH}/new`
export const NEW_KEY_HEADING = { heading: 'Create a key', crumbs: KEYS_CRUMBS }

/** First what it is to be: the dialect decides which questions follow. */
export async function renderKeyTypePage(context: PageContext): Promise<Response> {
  const body = html`
    <section class="card"><form method="get" action="${NEW_KEY_PATH}">
      ${radioGroup({
        name: 'dialect',
        legend: 'Whose wire format is it for?',
        value: getField(context, 'dialect'),
        options: KEY_TYPE_NAMES.map((value) => ({
          value,
          text: KEY_TYPE_LABELS[value].name,
          hint: KEY_TYPE_LABELS[value].description,
        })),
      })}
      ${await accountPicker(context)}
      <div class="row">${submitButton('Next')}${buttonLink(KEYS_PATH, 'Cancel', 'quiet')}</div>
    </form></section>`
  return renderPage(context, NEW_KEY_HEADING, body)
}

/** Who sees all accounts says for which one it is. */
async function accountPicker(context: PageContext): Promise<Html> {
  if (getAccountId(context) !== null) return nothing
  const value = getField(context, 'account')
  return resourcePicker({
    name: 'account',
    label: 'Account',
    value,
    options: await listAccountOptions(context),
  })
}

export interface NewKeyDraft {
  readonly keyType: KeyType
  readonly accountId: string
  /** That the key is to have: whoever sends the form twice makes one key. */
  readonly id: string
}

/** The questions that keys of this dialect have, with what was typed before. */
export async function renderCreateForm(
  context: PageContext,
  { keyType, accountId, id }: NewKeyDraft,
  error: ServiceError | null,
): Promise<Response> {
  const getValue = (name: string) => getField(context, name)
  const ownerFilter = { accountId, requiresUsername: keyType === 'practice' }
  const [ownerChoices, parentPicker] = await Promise.all([
    listOwnerChoices(context, ownerFilter),
    keyParentField(context, keyType, accountId),
  ])
  const { user } = context.session
  const defaultOwner = ownerChoices.some(({ value }) => value === user.email) ? user.email : ''
  const body = html`${errorNotice(error?.message ?? null, { focus: !isFieldError(error) })}
    <section class="card">
      <header><h2>${KEY_TYPE_LABELS[keyType].name}</h2>
        ${buttonLink(`${NEW_KEY_PATH}?account=${encodeURIComponent(accountId)}`, 'Another dialect', 'compact quiet')}</header>
      <p class="soft">${KEY_TYPE_LABELS[keyType].description}</p>
      ${postForm(
        context.formToken,
        NEW_KEY_PATH,
        html`
        ${hiddenField('dialect', keyType)}${hiddenField('account', accountId)}${hiddenField('id', id)}
        ${keyFormFields({ name: getValue('name'), description: getValue('description'), reference: getValue('reference') }, error)}
        ${ownerField(error === null ? defaultOwner : getValue('owner-chosen') || getValue('owner'), ownerFilter, ownerChoices, error)}
        ${parentPicker}
        ${accessLevelField(keyType, getValue('access'))}
        ${expiryField(getValue('expires'), error)}
        ${existingCredentialFields(keyType, getValue('public-id'))}
        <div class="row">${submitButton('Create the key')}${buttonLink(NEW_KEY_PATH, 'Back', 'quiet')}</div>`,
      )}
    </section>`
  return renderPage(context, NEW_KEY_HEADING, body, toErrorStatus(error))
}

async function keyParentField(
  context: PageContext,
  keyType: KeyType,
  accountId: string,
): Promise<Html> {
  const parent = findKeyParent(keyType)
  if (parent === null) return nothing
  const options = await listParentOptions(context, parent, accountId)
  return options?.length === 0
    ? missingParentNotice(parent)
    : resourcePicker({
        ...parent,
        value: getField(context, parent.name),
        options,
        hint: KEY_PARENT_HINTS[parent.name],
      })
}

const KEY_PARENT_HINTS: Readonly<Record<KeyParent['name'], string>> = {
  source: 'Whose messages it sends. A source has one key at a time.',
  site: 'The site whose data it opens.',
  developer: 'Under whose developer key it is sent.',
}

const missingParentNotice = ({ label, path }: KeyParent): Html =>
  notice(
    'warn',
    `This account has no ${label.toLowerCase()} yet`,
    html`A key of this dialect needs one. ${buttonLink(path, `Make a ${label.toLowerCase()} first`, 'compact')}`,
  )

/** A secret is not put into a page again: it is to be typed anew where the form comes back. */
const existingCredentialFields = (keyType: KeyType, publicId: string): Html => html`
  <details class="more"${publicId === '' ? nothing : html` open`}>
    <summary>Take over a key that another system issued</summary>
    <div class="stack">
      ${textField({ name: 'public-id', label: 'Public id', value: publicId, hint: 'As its user has it. Empty: one is made.', maxlength: 128, spellcheck: false })}
      ${textField({ name: 'secret', label: 'Secret', type: 'password', hint: `16 to 512 characters${getKeyTypeTraits(keyType).secret === 'exchanged' ? '' : ' without blanks'}. Empty: one is made and shown to you.`, autocomplete: 'new-password', maxlength: 512 })}
    </div>
  </details>`
