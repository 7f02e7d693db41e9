import { html } from 'hono/html'
import { getKeyTypeTraits } from '../../../../domain/key-type.ts'
import type { Keys } from '../../../../service/keys/keys.ts'
import type { KeySummary } from '../../../../service/ports/keys.ts'
import type { ServiceError, ServiceResult } from '../../../../service/service-result.ts'
import { buttonLink, postForm, submitButton, textField } from '../../components/form.ts'
import { definitionList, errorNotice } from '../../components/html.ts'
import { relativeTime } from '../../components/time.ts'
import { getField, type PageContext } from '../../context.ts'
import { toErrorStatus } from '../../errors.ts'
import type { FlashName } from '../../flash.ts'
import { formatKeyPath, KEYS_PATH, toKeyCrumbs } from '../../navigation.ts'
import { redirectToPage, renderPage } from '../../render.ts'
import type { ConsoleRouter } from '../../router.ts'
import { KEY_TYPE_LABELS } from './key-labels.ts'
import { withKey } from './with-key.ts'

/** An action that cannot be undone: the user types the key's name to confirm it. */
interface IrreversibleKeyAction {
  readonly verb: 'revoke' | 'delete'
  readonly title: string
  readonly consequence: string
  readonly flash: FlashName
  readonly run: (keys: Keys, id: string) => Promise<ServiceResult<unknown>>
  readonly formatNextPath: (key: KeySummary) => string
}

const REVOKE_ACTION: IrreversibleKeyAction = {
  verb: 'revoke',
  title: 'Revoke key',
  consequence:
    'The key and its tokens are refused from the next request on. This cannot be undone. The key stays in the list.',
  flash: 'keys.revoke',
  run: (keys, id) => keys.revoke(id),
  formatNextPath: formatKeyPath,
}

const DELETE_ACTION: IrreversibleKeyAction = {
  verb: 'delete',
  title: 'Delete key',
  consequence:
    'The key is refused from the next request on and disappears from every list. This cannot be undone. The audit keeps its record.',
  flash: 'keys.delete',
  run: (keys, id) => keys.delete(id),
  formatNextPath: () => KEYS_PATH,
}

export function mountRevokeAndDeletePages(router: ConsoleRouter): void {
  for (const action of [REVOKE_ACTION, DELETE_ACTION]) {
    const path = `${KEYS_PATH}/:id/${action.verb}`
    router.page(
      path,
      `keys.${action.verb}`,
      withKey((context, key) => renderIrreversibleActionPage(context, key, action)),
    )
    router.form(
      path,
      `keys.${action.verb}`,
      withKey((context, key) => runIrreversibleAction(context, key, action)),
    )
  }
}

async function runIrreversibleAction(
  context: PageContext,
  key: KeySummary,
  action: IrreversibleKeyAction,
): Promise<Response> {
  if (getField(context, 'name') !== key.name) {
    const message = `type the exact name of the key to ${action.verb} it`
    return renderIrreversibleActionPage(context, key, action, { problem: 'invalid', message })
  }
  const result = await action.run(context.services.keys, key.id)
  return result.ok
    ? redirectToPage(context.c, action.formatNextPath(key), action.flash)
    : renderIrreversibleActionPage(context, key, action, result.failure)
}

function renderIrreversibleActionPage(
  context: PageContext,
  key: KeySummary,
  { verb, title, consequence }: IrreversibleKeyAction,
  error: ServiceError | null = null,
): Promise<Response> {
  const { lastUsedAt, keyType } = key
  const body = html`${errorNotice(error?.message ?? null)}
    <section class="card">
      <p>${consequence}${key.status === 'enabled' ? ' If you are not sure, disable it instead: that can be undone.' : ''}</p>
      ${definitionList([
        ['Name', html`<strong>${key.name}</strong>`],
        ['Key type', KEY_TYPE_LABELS[keyType].name],
        ['Last used', lastUsedAt === null ? 'never' : relativeTime(lastUsedAt, context.now)],
      ])}
      ${postForm(
        context.formToken,
        `${formatKeyPath(key)}/${verb}`,
        html`
        ${textField({ name: 'name', label: 'Type the name of the key to confirm', value: getField(context, 'name'), required: true, spellcheck: false, autofocus: true, autocomplete: 'off' })}
        <div class="row">${submitButton(title, 'danger primary')}${buttonLink(formatKeyPath(key), 'Cancel', 'quiet')}</div>`,
      )}
    </section>`
  return renderPage(
    context,
    { heading: title, crumbs: toKeyCrumbs(key) },
    body,
    toErrorStatus(error),
  )
}

export const isDeletable = ({ keyType }: KeySummary): boolean => getKeyTypeTraits(keyType).deletable
