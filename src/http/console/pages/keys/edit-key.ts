import { html } from 'hono/html'
import { ok } from '../../../../domain/failure.ts'
import type { AccessLevel } from '../../../../domain/key.ts'
import { getOperation } from '../../../../operations/registry.ts'
import type { EditKeyInput } from '../../../../service/keys/edit-key.ts'
import type { KeySummary } from '../../../../service/ports/keys.ts'
import type { ServiceError, ServiceResult } from '../../../../service/service-result.ts'
import { buttonLink, hiddenField, postForm, submitButton } from '../../components/form.ts'
import { formatDay, nothing, notice } from '../../components/html.ts'
import { table } from '../../components/table.ts'
import { getField, type PageContext } from '../../context.ts'
import { toErrorStatus } from '../../errors.ts'
import { formatKeyPath, KEYS_PATH, toKeyCrumbs } from '../../navigation.ts'
import { redirectToPage, renderPage } from '../../render.ts'
import type { ConsoleRouter } from '../../router.ts'
import { isChangedSince, withKey } from './key-components.ts'
import { lastKeyChange } from './key-details.ts'
import {
  accessLevelField,
  expiryField,
  getOwnerField,
  type KeyOwnerFilter,
  keyErrorNotice,
  keyFormFields,
  listOwnerChoices,
  ownerField,
  parseKeyExpiry,
  readKeyOwner,
} from './key-fields.ts'
import {
  type ClientFormValues,
  clientFields,
  getClientFormValues,
  listClientLabels,
  parseClientForm,
  toClientFormValues,
} from './oauth-client.ts'

/** The fields of the form as text: of the stored key, or as the user typed them. */
interface KeyFormValues {
  readonly name: string
  readonly description: string
  readonly reference: string
  readonly owner: string
  readonly access: string
  readonly expires: string
  /** The settings of an OAuth client; empty for other key types. */
  readonly client: ClientFormValues
}

export function mountEditKeyPages(router: ConsoleRouter): void {
  const path = `${KEYS_PATH}/:id/edit`
  router.page(path, 'keys.edit', withKey(showEditKeyPage))
  router.form(path, 'keys.edit', withKey(editKey))
}

const showEditKeyPage = async (context: PageContext, key: KeySummary): Promise<Response> =>
  renderEditForm(context, key, await loadKeyFormValues(context, key), null)

async function editKey(context: PageContext, key: KeySummary): Promise<Response> {
  const newValues = parseKeyForm(context, key)
  const edits = await readKeyEdits(context, key, newValues)
  const seen = getField(context, 'seen')
  if (isChangedSince(key, seen)) return renderEditConflict(context, key, newValues)
  if (!edits.ok) return renderEditForm(context, key, newValues, edits.failure)
  const result = await context.services.keys.edit(key.id, { ...edits.value, seen })
  if (result.ok) return redirectToPage(context.c, formatKeyPath(key), 'keys.edit')
  const current = await context.services.keys.find(key.id)
  return current.ok && isChangedSince(current.value, seen)
    ? renderEditConflict(context, current.value, newValues)
    : renderEditForm(context, key, newValues, result.failure)
}

/** Shows the saved values beside those of the second editor, whose form keeps what they typed. */
async function renderEditConflict(
  context: PageContext,
  key: KeySummary,
  newValues: KeyFormValues,
): Promise<Response> {
  const savedValues = await loadKeyFormValues(context, key)
  const conflict = await describeEditConflict(context, key, savedValues, newValues)
  return renderEditForm(context, key, newValues, conflict)
}

const parseKeyForm = (context: PageContext, key: KeySummary): KeyFormValues => ({
  name: getField(context, 'name'),
  description: getField(context, 'description'),
  reference: getField(context, 'reference'),
  owner: getOwnerField(context),
  access: getField(context, 'access'),
  expires: getField(context, 'expires'),
  client: key.oauthClient === null ? {} : getClientFormValues(context),
})

async function loadKeyFormValues(
  { services }: PageContext,
  key: KeySummary,
): Promise<KeyFormValues> {
  const owner = await services.users.find(key.ownerId)
  const { name, description, reference, access, expiresAt } = key
  return {
    name,
    description,
    reference,
    access,
    owner: owner.ok ? owner.value.email : key.ownerId,
    expires: expiresAt === null ? '' : formatDay(expiresAt),
    client: key.oauthClient === null ? {} : toClientFormValues(key.oauthClient),
  }
}

/** Keeps an owner who has left, unless the form names another. */
async function readKeyEdits(
  context: PageContext,
  key: KeySummary,
  { owner: ownerText, access, expires, client, ...texts }: KeyFormValues,
): Promise<ServiceResult<EditKeyInput>> {
  const saved = await loadKeyFormValues(context, key)
  const owner =
    ownerText === saved.owner ? ok({ id: key.ownerId }) : await readKeyOwner(context, key.accountId)
  if (!owner.ok) return owner
  const expiresAt = parseKeyExpiry(expires, key.expiresAt)
  if (!expiresAt.ok) return expiresAt
  return ok({
    ...texts,
    ownerId: owner.value.id,
    access: (access || key.access) as AccessLevel,
    expiresAt: expiresAt.value,
    ...(key.oauthClient !== null && { oauthClient: parseClientForm(client, key) }),
  })
}

async function renderEditForm(
  context: PageContext,
  key: KeySummary,
  values: KeyFormValues,
  failure: ServiceError | EditConflict | null,
): Promise<Response> {
  const ownerFilter: KeyOwnerFilter = {
    accountId: key.accountId,
    requiresUsername: key.keyType === 'practice',
  }
  const isConflict = failure !== null && 'content' in failure
  const error = isConflict ? null : failure
  const body = html`${isConflict ? failure.content : keyErrorNotice(getOperation('keys.edit'), error)}
    <section class="card">${postForm(
      context.formToken,
      `${formatKeyPath(key)}/edit`,
      html`
      ${hiddenField('seen', key.eventId)}
      ${keyFormFields(values, error)}
      ${ownerField(values.owner, ownerFilter, await listOwnerChoices(context, ownerFilter), error)}
      ${accessLevelField(key.keyType, values.access)}
      ${key.oauthClient === null ? nothing : await clientFields(context, values.client, key.accountId, key)}
      ${expiryField(values.expires, error)}
      <div class="row">${submitButton(isConflict ? 'Overwrite with my changes' : 'Save changes')}${buttonLink(formatKeyPath(key), 'Cancel', 'quiet')}</div>`,
    )}</section>`
  const heading = { heading: 'Edit key', crumbs: toKeyCrumbs(key) }
  return renderPage(context, heading, body, isConflict ? 409 : toErrorStatus(failure))
}

/** The notice above the form of the second editor. */
interface EditConflict {
  readonly content: ReturnType<typeof html>
}

const KEY_FORM_LABELS: Readonly<Record<Exclude<keyof KeyFormValues, 'client'>, string>> = {
  name: 'Name',
  description: 'Description',
  reference: 'Reference',
  owner: 'Owner',
  access: 'Access',
  expires: 'Expires on',
}

/** Says who saved in the meantime, and compares the saved values with the typed ones. */
async function describeEditConflict(
  context: PageContext,
  key: KeySummary,
  savedValues: KeyFormValues,
  newValues: KeyFormValues,
): Promise<EditConflict> {
  const lastChangeText = await lastKeyChange(context, key)
  const labels = new Map([...Object.entries(KEY_FORM_LABELS), ...listClientLabels()])
  const [saved, typed]: Readonly<Record<string, string>>[] = [savedValues, newValues].map(
    ({ client, ...values }) => ({ ...values, ...client }),
  )
  const changedFields = [...labels.keys()].filter((field) => saved?.[field] !== typed?.[field])
  const text = html`${lastChangeText ?? nothing} Your changes are not saved.`
  return {
    content: html`${notice('bad', 'Someone else changed this key while you were editing it', text)}
      ${
        changedFields.length === 0
          ? html`<p>The saved values are the same as yours.</p>`
          : html`<section class="card flush">${table({
              caption: 'Differences',
              columns: [{ name: 'Field' }, { name: 'Saved' }, { name: 'Yours' }],
              rows: changedFields.map((field) => [
                labels.get(field) ?? field,
                saved?.[field] || html`<span class="soft">nothing</span>`,
                typed?.[field] || html`<span class="soft">nothing</span>`,
              ]),
            })}</section>`
      }`,
  }
}
