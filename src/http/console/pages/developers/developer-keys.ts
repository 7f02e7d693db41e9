import { html } from 'hono/html'
import { canHoldKeys } from '../../../../domain/key.ts'
import { getOperation } from '../../../../operations/registry.ts'
import type { KeyWithSecret } from '../../../../service/keys/input.ts'
import type { Developer } from '../../../../service/ports/accounts.ts'
import type { KeySummary } from '../../../../service/ports/keys.ts'
import type { ServiceError } from '../../../../service/service-result.ts'
import { findAccountNames } from '../../account-selection.ts'
import {
  buttonLink,
  hiddenField,
  postForm,
  selectField,
  submitButton,
  textField,
} from '../../components/form.ts'
import { emptyState, errorNotice, nothing, notice } from '../../components/html.ts'
import { secretDialog } from '../../components/secret-dialog.ts'
import { getField, getOptionalField, getPathId, type PageContext } from '../../context.ts'
import { type FormError, renderError, toErrorMessage, toErrorStatus } from '../../errors.ts'
import {
  DEVELOPERS_CRUMBS,
  DEVELOPERS_PATH,
  KEYS_PATH,
  SITES_PATH,
  USERS_PATH,
} from '../../navigation.ts'
import { redirectToPage, renderPage } from '../../render.ts'
import { getFlash } from '../../resource/resource.ts'
import type { ConsoleRouter } from '../../router.ts'

const CUSTOMER_KEY_ROUTE = `${DEVELOPERS_PATH}/:id/keys/:key`
/** The length up to which a select field is usable. */
const MAX_SITE_CHOICES = 500

/** The actions on a developer's customer keys. */
export function mountCustomerKeyPages(
  router: ConsoleRouter,
  renderDeveloper: (context: PageContext, id: string, error: FormError) => Promise<Response>,
): void {
  for (const verb of ['unassign', 'disable', 'enable'] as const) {
    const operation = getOperation(`keys.${verb}`)
    router.form(`${CUSTOMER_KEY_ROUTE}/${verb}`, operation.id, async (context) => {
      const key = await findCustomerKey(context)
      if (key === null) return renderError(context.c, context.caller, 'not_found')
      const result = await context.perform(operation, { id: key.id })
      return result.ok
        ? redirectToPage(
            context.c,
            `${DEVELOPERS_PATH}/${getPathId(context, 'id')}`,
            getFlash(operation),
          )
        : renderDeveloper(context, getPathId(context, 'id'), result.failure)
    })
  }

  router.page(`${CUSTOMER_KEY_ROUTE}/assign`, 'keys.assign', (context) =>
    showAssignForm(context, null),
  )
  router.form(`${CUSTOMER_KEY_ROUTE}/assign`, 'keys.assign', async (context) => {
    const key = await findCustomerKey(context)
    if (key === null) return renderError(context.c, context.caller, 'not_found')
    if (key.siteId !== getField(context, 'seen') && key.siteId !== null)
      return showAssignForm(context, ALREADY_ASSIGNED_ERROR)
    const result = await context.services.keys.assign(key.id, getField(context, 'site'))
    return result.ok
      ? redirectToPage(context.c, `${DEVELOPERS_PATH}/${getPathId(context, 'id')}`, 'keys.assign')
      : showAssignForm(context, result.failure)
  })
}

const ALREADY_ASSIGNED_ERROR: ServiceError = {
  problem: 'conflict',
  message:
    'another user has assigned the key to another office meanwhile, as shown here. Send the form again to move it to yours',
}

/** Finds the customer key in the path, if it belongs to the developer in the path. */
async function findCustomerKey(context: PageContext): Promise<KeySummary | null> {
  const result = await context.services.keys.find(getPathId(context, 'key'))
  const isCustomerKey =
    result.ok &&
    result.value.developerId === getPathId(context, 'id') &&
    result.value.keyType === 'opendental'
  return isCustomerKey ? result.value : null
}

async function showAssignForm(context: PageContext, error: ServiceError | null): Promise<Response> {
  const { services } = context
  const [key, developer, sites] = await Promise.all([
    findCustomerKey(context),
    services.developers.find(getPathId(context, 'id')),
    services.sites.list({ limit: MAX_SITE_CHOICES }),
  ])
  if (key === null || !developer.ok) return renderError(context.c, context.caller, 'not_found')
  const names = await findAccountNames(context, sites)
  const developerPath = `${DEVELOPERS_PATH}/${developer.value.id}`
  const assignedSite = sites.find(({ id }) => id === key.siteId)
  const body = html`${errorNotice(toErrorMessage(error))}
    ${assignedSite === undefined ? nothing : notice('warn', `It is assigned to ${assignedSite.name}`, 'If you assign it to another office, it no longer works for this one.')}
    ${
      sites.length === 0
        ? emptyState(
            'No office yet',
            'An office is a site. Add it first.',
            buttonLink(`${SITES_PATH}/new`, 'Add site', 'primary'),
          )
        : html`<section class="card">${postForm(
            context.formToken,
            `${developerPath}/keys/${key.id}/assign`,
            html`${hiddenField('seen', key.siteId ?? '')}
              ${selectField({
                name: 'site',
                label: 'Office',
                value: getField(context, 'site'),
                hint: 'The key then gives access to the data of this office.',
                choices: sites.map(({ id, name, accountId }) => ({
                  value: id,
                  text: names === null ? name : `${name}, ${names.get(accountId) ?? ''}`,
                })),
              })}
              <div class="row">${submitButton('Assign key')}${buttonLink(developerPath, 'Cancel', 'quiet')}</div>`,
          )}</section>`
    }`
  const crumbs = [...DEVELOPERS_CRUMBS, { href: developerPath, text: developer.value.name }]
  return renderPage(context, { heading: `Assign ${key.name}`, crumbs }, body, toErrorStatus(error))
}

export interface PortalKeyPageDeps {
  /** Creates the row id that a form carries, so that a form sent twice creates one key. */
  readonly uuid: () => string
}

const MAX_PORTAL_KEY_OWNERS = 200

/** The pages of the portal key, which lets a developer's program create and list customer keys. */
export function mountPortalKeyPages(router: ConsoleRouter, { uuid }: PortalKeyPageDeps): void {
  const PORTAL_KEY_ROUTE = `${DEVELOPERS_PATH}/:id/portal-key`

  router.page(`${PORTAL_KEY_ROUTE}/new`, 'keys.create', (context) =>
    withDeveloper(context, (developer) => showPortalKeyForm(context, developer, uuid(), null)),
  )
  router.form(`${PORTAL_KEY_ROUTE}/new`, 'keys.create', (context) =>
    withDeveloper(context, async (developer) => {
      const id = getOptionalField(context, 'key') ?? uuid()
      const result = await context.services.keys.create({
        id,
        keyType: 'opendental-portal',
        developerId: developer.id,
        ownerId: getField(context, 'owner'),
        name: getField(context, 'name'),
      })
      return result.ok
        ? showPortalKeySecret(context, developer, result.value)
        : showPortalKeyForm(context, developer, id, result.failure)
    }),
  )

  router.page(`${PORTAL_KEY_ROUTE}/:key/rotate-secret`, 'keys.rotateSecret', (context) =>
    withDeveloper(context, (developer) => confirmPortalKeyRotation(context, developer, null)),
  )
  router.form(`${PORTAL_KEY_ROUTE}/:key/rotate-secret`, 'keys.rotateSecret', (context) =>
    withDeveloper(context, async (developer) => {
      const input = { seen: getField(context, 'seen') }
      const result = await context.services.keys.rotateSecret(getPathId(context, 'key'), input)
      return result.ok
        ? showPortalKeySecret(context, developer, result.value)
        : confirmPortalKeyRotation(context, developer, result.failure)
    }),
  )
}

async function withDeveloper(
  context: PageContext,
  handler: (developer: Developer) => Promise<Response>,
): Promise<Response> {
  const result = await context.services.developers.find(getPathId(context, 'id'))
  return result.ok ? handler(result.value) : renderError(context.c, context.caller, 'not_found')
}

const toDeveloperCrumbs = ({ id, name }: Developer) => [
  ...DEVELOPERS_CRUMBS,
  { href: `${DEVELOPERS_PATH}/${id}`, text: name },
]

async function showPortalKeyForm(
  context: PageContext,
  developer: Developer,
  keyId: string,
  error: ServiceError | null,
): Promise<Response> {
  const { id, accountId, name } = developer
  const users = await context.services.users.list({
    accountId,
    limit: MAX_PORTAL_KEY_OWNERS,
  })
  const owners = users.filter(
    ({ role, deactivatedAt }) => canHoldKeys(role) && deactivatedAt === null,
  )
  const heading = { heading: 'Create a portal key', crumbs: toDeveloperCrumbs(developer) }
  if (owners.length === 0) {
    const addLink = buttonLink(`${USERS_PATH}/new`, 'Add user', 'primary')
    const reason = 'An engineer or an administrator of the account owns each key.'
    return renderPage(context, heading, emptyState('No user can own the key', reason, addLink))
  }
  const body = html`${errorNotice(toErrorMessage(error))}<section class="card">${postForm(
    context.formToken,
    `${DEVELOPERS_PATH}/${id}/portal-key/new`,
    html`${hiddenField('key', keyId)}
      ${textField({ name: 'name', label: 'Name', value: error === null ? `${name} portal` : getField(context, 'name'), required: true })}
      ${selectField({
        name: 'owner',
        label: 'Owner',
        value: getField(context, 'owner'),
        hint: 'Responsible for the key, and for the customer keys that are created with it.',
        choices: owners.map((user) => ({ value: user.id, text: `${user.email}, ${user.role}` })),
      })}
      <div class="row">${submitButton('Create portal key')}${buttonLink(`${DEVELOPERS_PATH}/${id}`, 'Cancel', 'quiet')}</div>`,
  )}</section>`
  return renderPage(context, heading, body, toErrorStatus(error))
}

async function confirmPortalKeyRotation(
  context: PageContext,
  developer: Developer,
  error: ServiceError | null,
): Promise<Response> {
  const result = await context.services.keys.find(getPathId(context, 'key'))
  const isPortalKey =
    result.ok &&
    result.value.developerId === developer.id &&
    result.value.keyType === 'opendental-portal'
  if (!isPortalKey) return renderError(context.c, context.caller, 'not_found')
  const { id, name, eventId } = result.value
  const developerPath = `${DEVELOPERS_PATH}/${developer.id}`
  const body = html`${errorNotice(toErrorMessage(error))}<section class="card">
    <p class="prose">${name} gets a new secret, which is shown once. The old secret is refused from the next request on: the developer’s program cannot create or list customer keys until it has the new one. Customer keys continue to work.</p>
    ${postForm(
      context.formToken,
      `${developerPath}/portal-key/${id}/rotate-secret`,
      html`${hiddenField('seen', eventId)}
        <div class="row">${submitButton('Rotate secret now', 'danger primary')}${buttonLink(`${KEYS_PATH}/${id}/rotate-secret`, 'Rotate with overlap')}${buttonLink(developerPath, 'Cancel', 'quiet')}</div>`,
    )}</section>`
  const crumbs = toDeveloperCrumbs(developer)
  return renderPage(context, { heading: `Rotate ${name}?`, crumbs }, body, toErrorStatus(error))
}

const showPortalKeySecret = (
  context: PageContext,
  developer: Developer,
  { key, secret }: KeyWithSecret,
): Promise<Response> =>
  renderPage(
    context,
    { heading: key.name, crumbs: toDeveloperCrumbs(developer) },
    secretDialog({
      title: 'Portal key',
      text: html`The developer’s program sends it after the developer key, to create and list customer keys. Store it as securely as those. It is not shown again.`,
      secrets: [
        { name: 'developer key', value: developer.developerKey },
        { name: 'portal key', value: secret },
      ],
      fileName: 'latchkey-portal-key.txt',
      next: `${DEVELOPERS_PATH}/${developer.id}`,
      acknowledge: 'I have stored the key where the program reads it',
    }),
  )
