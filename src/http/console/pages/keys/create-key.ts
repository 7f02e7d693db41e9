import { html } from 'hono/html'
import type { AccessLevel } from '../../../../domain/key.ts'
import { getKeyTypeTraits, KEY_TYPE_NAMES, type KeyType } from '../../../../domain/key-type.ts'
import { getOperation } from '../../../../operations/registry.ts'
import type { CreatedKey } from '../../../../service/keys/input.ts'
import type { ServiceError, ServiceResult } from '../../../../service/service-result.ts'
import { accountField, getAccountId } from '../../account-selection.ts'
import {
  buttonLink,
  hiddenField,
  postForm,
  radioGroup,
  resourcePicker,
  submitButton,
  textField,
} from '../../components/form.ts'
import { type Html, nothing, notice } from '../../components/html.ts'
import { getField, getOptionalField, type PageContext } from '../../context.ts'
import { toErrorStatus } from '../../errors.ts'
import { formatKeyPath, KEYS_CRUMBS, KEYS_PATH, NEW_KEY_PATH } from '../../navigation.ts'
import { redirectToPage, renderPage } from '../../render.ts'
import type { ConsoleRouter } from '../../router.ts'
import { KEY_TYPE_LABELS, type KeyPageDeps } from './key-components.ts'
import {
  accessLevelField,
  expiryField,
  findKeyParent,
  getOwnerField,
  type KeyOwnerFilter,
  type KeyParent,
  keyErrorNotice,
  keyFormFields,
  listOwnerChoices,
  listParentOptions,
  ownerField,
  parseKeyExpiry,
  readKeyOwner,
} from './key-fields.ts'
import { renderSecretPage } from './key-secret.ts'
import { clientFields, getClientFormValues, parseClientForm } from './oauth-client.ts'

/** The choices that decide which fields the form of a new key has. */
interface NewKeySelection {
  readonly keyType: KeyType
  readonly accountId: string
}

/** Mounts the steps to a new key: its type, its fields, and its secret, which is shown once. */
export function mountCreateKeyPages(router: ConsoleRouter, deps: KeyPageDeps): void {
  router.page(NEW_KEY_PATH, 'keys.create', (context) => showCreateKeyPage(context, deps))
  router.form(NEW_KEY_PATH, 'keys.create', (context) => createKey(context, deps))
}

async function showCreateKeyPage(context: PageContext, { uuid }: KeyPageDeps): Promise<Response> {
  const selection = parseNewKeySelection(context)
  return selection === null
    ? renderKeyTypePage(context)
    : renderCreateForm(context, { ...selection, id: uuid() }, null)
}

/** Answers with the secret itself; with a redirect where the user brought the secret. */
async function createKey(context: PageContext, { uuid }: KeyPageDeps): Promise<Response> {
  const selection = parseNewKeySelection(context)
  if (selection === null) return renderKeyTypePage(context)
  const draft = { ...selection, id: getOptionalField(context, 'id') ?? uuid() }
  const result = await createKeyFromForm(context, draft)
  if (result.ok) {
    const { key, secret } = result.value
    return secret !== null && getOptionalField(context, 'secret') === undefined
      ? renderSecretPage(context, { key, secret }, 'created')
      : redirectToPage(context.c, formatKeyPath(key), 'keys.create')
  }
  const existing = await context.services.keys.find(draft.id)
  return existing.ok
    ? renderAlreadyCreated(context, formatKeyPath(existing.value))
    : renderCreateForm(context, draft, result.failure)
}

function parseNewKeySelection(context: PageContext): NewKeySelection | null {
  const keyType = KEY_TYPE_NAMES.find((name) => name === getField(context, 'key-type'))
  const accountId = getAccountId(context) ?? getOptionalField(context, 'account')
  return keyType === undefined || accountId === undefined ? null : { keyType, accountId }
}

async function createKeyFromForm(
  context: PageContext,
  { keyType, accountId, id }: NewKeyDraft,
): Promise<ServiceResult<CreatedKey>> {
  const owner = await readKeyOwner(context, accountId)
  if (!owner.ok) return owner
  const expiresAt = parseKeyExpiry(getField(context, 'expires'))
  if (!expiresAt.ok) return expiresAt
  const parent = findKeyParent(keyType)
  return context.services.keys.create({
    id,
    keyType,
    ownerId: owner.value.id,
    name: getField(context, 'name'),
    description: getField(context, 'description'),
    reference: getField(context, 'reference'),
    ...(parent !== null && { [`${parent.name}Id`]: getOptionalField(context, parent.name) }),
    access: getOptionalField(context, 'access') as AccessLevel | undefined,
    expiresAt: expiresAt.value ?? undefined,
    publicId: getOptionalField(context, 'public-id'),
    secret: getOptionalField(context, 'secret'),
    ...(keyType === 'oauth' && {
      oauthClient: parseClientForm(getClientFormValues(context), null),
    }),
  })
}

/** Answers a form that was sent twice: by the back button, a reload or two clicks. */
const renderAlreadyCreated = (context: PageContext, path: string): Promise<Response> =>
  renderPage(
    context,
    NEW_KEY_HEADING,
    html`${notice(
      'warn',
      'This key already exists',
      'The form was sent twice, so no second key was created. The secret is not shown again. If you did not store it, rotate it.',
    )}<p class="row">${buttonLink(path, 'View key', 'primary')}${buttonLink(`${path}/rotate-secret`, 'Rotate secret')}</p>`,
    409,
  )

const NEW_KEY_HEADING = { heading: 'Create key', crumbs: KEYS_CRUMBS }

/** Asks for the key type first: it decides which fields follow. */
async function renderKeyTypePage(context: PageContext): Promise<Response> {
  const body = html`
    <section class="card"><form method="get" action="${NEW_KEY_PATH}">
      ${radioGroup({
        name: 'key-type',
        legend: 'Key type',
        value: getField(context, 'key-type'),
        options: KEY_TYPE_NAMES.map((value) => ({
          value,
          text: KEY_TYPE_LABELS[value].name,
          hint: KEY_TYPE_LABELS[value].description,
        })),
      })}
      ${await accountField(context, 'account', getField(context, 'account'))}
      <div class="row">${submitButton('Next')}${buttonLink(KEYS_PATH, 'Cancel', 'quiet')}</div>
    </form></section>`
  return renderPage(context, NEW_KEY_HEADING, body)
}

interface NewKeyDraft extends NewKeySelection {
  /** The id of the new key: the same form sent twice creates one key. */
  readonly id: string
}

/** Renders the fields that a key of this type has, with the values that were typed before. */
async function renderCreateForm(
  context: PageContext,
  { keyType, accountId, id }: NewKeyDraft,
  error: ServiceError | null,
): Promise<Response> {
  const getValue = (name: string) => getField(context, name)
  const ownerFilter: KeyOwnerFilter = { accountId, requiresUsername: keyType === 'practice' }
  const [ownerChoices, parentPicker] = await Promise.all([
    listOwnerChoices(context, ownerFilter),
    keyParentField(context, keyType, accountId),
  ])
  const { user } = context.session
  const defaultOwner = ownerChoices.some(({ value }) => value === user.email) ? user.email : ''
  const body = html`${keyErrorNotice(getOperation('keys.create'), error)}
    <section class="card">
      <header><h2>${KEY_TYPE_LABELS[keyType].name}</h2>
        ${buttonLink(`${NEW_KEY_PATH}?account=${encodeURIComponent(accountId)}`, 'Change key type', 'compact quiet')}</header>
      <p class="soft">${KEY_TYPE_LABELS[keyType].description}</p>
      ${postForm(
        context.formToken,
        NEW_KEY_PATH,
        html`
        ${hiddenField('key-type', keyType)}${hiddenField('account', accountId)}${hiddenField('id', id)}
        ${keyFormFields({ name: getValue('name'), description: getValue('description'), reference: getValue('reference') }, error)}
        ${ownerField(error === null ? defaultOwner : getOwnerField(context), ownerFilter, ownerChoices, error)}
        ${parentPicker}
        ${keyType === 'oauth' ? await clientFields(context, getClientFormValues(context), accountId, null) : nothing}
        ${accessLevelField(keyType, getValue('access'))}
        ${expiryField(getValue('expires'), error)}
        ${existingCredentialFields(keyType, getValue('public-id'))}
        <div class="row">${submitButton('Create key')}${buttonLink(NEW_KEY_PATH, 'Back', 'quiet')}</div>`,
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
  source: 'The source that sends with this key. A source has one key at a time.',
  site: 'The site whose data the key can access.',
  developer: 'The developer whose key is sent with it.',
}

const missingParentNotice = ({ label, path }: KeyParent): Html =>
  notice(
    'warn',
    `This account has no ${label.toLowerCase()} yet`,
    html`Keys of this type need one. ${buttonLink(path, `Add ${label.toLowerCase()}`, 'compact')}`,
  )

/** Never repeats the secret: it has to be typed again when the form comes back with an error. */
const existingCredentialFields = (keyType: KeyType, publicId: string): Html => html`
  <details class="more"${publicId === '' ? nothing : html` open`}>
    <summary>Import a key that another system issued</summary>
    <div class="stack">
      ${textField({ name: 'public-id', label: 'Public id', value: publicId, hint: 'The id that its user has. Leave it empty to generate one.', maxlength: 128, spellcheck: false })}
      ${textField({ name: 'secret', label: 'Secret', type: 'password', hint: `16 to 512 characters${getKeyTypeTraits(keyType).secret === 'exchanged' ? '' : ' without spaces'}. Leave it empty to generate one.`, autocomplete: 'new-password', maxlength: 512 })}
    </div>
  </details>`
