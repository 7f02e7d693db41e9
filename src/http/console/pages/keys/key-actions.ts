import { html } from 'hono/html'
import { getOperation } from '../../../../operations/registry.ts'
import type { KeySummary } from '../../../../service/ports/keys.ts'
import { failInvalid, type ServiceError } from '../../../../service/service-result.ts'
import {
  buttonLink,
  hiddenField,
  postForm,
  resourcePicker,
  submitButton,
  textField,
} from '../../components/form.ts'
import {
  definitionList,
  emptyState,
  errorNotice,
  nothing,
  notice,
  relativeTime,
} from '../../components/html.ts'
import { mountConfirmedAction } from '../../confirmation.ts'
import { getField, getOptionalField, type PageContext } from '../../context.ts'
import { type FormError, toErrorMessage, toErrorStatus } from '../../errors.ts'
import { type FlashName, getFlash } from '../../flash.ts'
import { formatKeyPath, KEYS_PATH, SITES_PATH, toKeyCrumbs } from '../../navigation.ts'
import { redirectToPage, renderPage, toConsolePath } from '../../render.ts'
import type { ConsoleRouter } from '../../router.ts'
import { renderKeyPage } from './key.ts'
import { KEY_TYPE_LABELS, type KeyPageDeps, withKey } from './key-components.ts'
import { listSiteOptions } from './key-fields.ts'

/** Actions of one click, each undone by another. */
export function mountKeyActionForms(router: ConsoleRouter, deps: KeyPageDeps): void {
  for (const verb of ['disable', 'enable', 'unassign'] as const) {
    const operation = getOperation(`keys.${verb}`)
    router.form(
      `${KEYS_PATH}/:id/${verb}`,
      operation.id,
      withKey(async (context, key) => {
        const result = await context.perform(operation, { id: key.id })
        return result.ok
          ? redirectToNext(context, key, getFlash(operation))
          : renderKeyPage(deps, context, key, result.failure)
      }),
    )
  }
}

const CONSEQUENCES = {
  revoke:
    'The key and its tokens are refused from the next request on. This cannot be undone. The key stays in the list.',
  delete:
    'The key is refused from the next request on and disappears from every list. This cannot be undone. The audit keeps its record.',
} as const

/** Mounts the actions that cannot be undone: the user types the key's name to confirm them. */
export function mountRevokeAndDeletePages(router: ConsoleRouter): void {
  for (const verb of ['revoke', 'delete'] as const) {
    const operation = getOperation(`keys.${verb}`)
    const title = verb === 'revoke' ? 'Revoke key' : 'Delete key'
    mountConfirmedAction<KeySummary>(router, {
      path: `${KEYS_PATH}/:id/${verb}`,
      operations: operation.id,
      find: ({ services }, id) => services.keys.find(id),
      question: (key, context) => ({
        heading: title,
        crumbs: toKeyCrumbs(key),
        text: html`<p>${CONSEQUENCES[verb]}${key.status === 'enabled' ? ' If you are not sure, disable it instead: that can be undone.' : ''}</p>
          ${definitionList([
            ['Name', html`<strong>${key.name}</strong>`],
            ['Key type', KEY_TYPE_LABELS[key.keyType].name],
            [
              'Last used',
              key.lastUsedAt === null ? 'Never' : relativeTime(key.lastUsedAt, context.now),
            ],
          ])}`,
        fields: textField({
          name: 'name',
          label: 'Type the name of the key to confirm',
          value: getField(context, 'name'),
          required: true,
          spellcheck: false,
          autofocus: true,
          autocomplete: 'off',
        }),
        button: title,
        variant: 'danger primary',
        cancelPath: formatKeyPath(key),
      }),
      run: async (context, id) => {
        const key = await context.services.keys.find(id)
        if (!key.ok) return key
        return getField(context, 'name') === key.value.name
          ? context.perform(operation, { id })
          : failInvalid(`type the exact name of the key to ${verb} it`)
      },
      flash: getFlash(operation),
      next: (_, id) => (verb === 'delete' ? KEYS_PATH : formatKeyPath({ id })),
    })
  }
}

/** Mounts the page that assigns an Open Dental key to the site of an office. */
export function mountAssignPages(router: ConsoleRouter): void {
  const path = `${KEYS_PATH}/:id/assign`
  router.page(path, 'keys.assign', withKey(renderAssignPage))
  router.form(path, 'keys.assign', withKey(assignKey))
}

/** Goes back to the page that the form came from, or to the page of the key. */
const redirectToNext = (context: PageContext, key: KeySummary, flash: FlashName): Response => {
  const next = getOptionalField(context, 'next')
  return redirectToPage(
    context.c,
    next === undefined ? formatKeyPath(key) : toConsolePath(next),
    flash,
  )
}

const ALREADY_ASSIGNED_ERROR: ServiceError = {
  problem: 'conflict',
  message:
    'another user has assigned the key to another site meanwhile, as shown here. Send the form again to move it to yours',
}

async function assignKey(context: PageContext, key: KeySummary): Promise<Response> {
  if (key.siteId !== null && key.siteId !== getField(context, 'seen'))
    return renderAssignPage(context, key, ALREADY_ASSIGNED_ERROR)
  const result = await context.services.keys.assign(key.id, getField(context, 'site'))
  return result.ok
    ? redirectToNext(context, key, 'keys.assign')
    : renderAssignPage(context, key, result.failure)
}

async function renderAssignPage(
  context: PageContext,
  key: KeySummary,
  error: FormError | null = null,
): Promise<Response> {
  const options = await listSiteOptions(context)
  const assignedSite = options?.find(({ value: id }) => id === key.siteId)
  const value = getField(context, 'site') || (key.siteId ?? '')
  const body = html`${errorNotice(toErrorMessage(error))}
    ${assignedSite === undefined ? nothing : notice('warn', `It is assigned to ${assignedSite.text}`, 'If you assign it to another site, it no longer works for this one.')}
    <section class="card">${
      options?.length === 0
        ? emptyState(
            'No site yet',
            'A key is assigned to the site of an office. Add the site first.',
            buttonLink(SITES_PATH, 'View sites', 'primary'),
          )
        : postForm(
            context.formToken,
            `${formatKeyPath(key)}/assign`,
            html`
            ${hiddenField('seen', key.siteId ?? '')}${hiddenField('next', getField(context, 'next'))}
            ${resourcePicker({ name: 'site', label: 'Site', value, options, hint: 'The site of the office. From the next request on, the key can access its data.' })}
            <div class="row">${submitButton('Assign key')}${buttonLink(formatKeyPath(key), 'Cancel', 'quiet')}</div>`,
          )
    }</section>`
  const heading = { heading: 'Assign to site', crumbs: toKeyCrumbs(key) }
  return renderPage(context, heading, body, toErrorStatus(error))
}
