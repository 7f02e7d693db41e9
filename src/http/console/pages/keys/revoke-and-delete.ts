import { html } from 'hono/html'
import { getKeyTypeTraits } from '../../../../domain/key-type.ts'
import { getOperation } from '../../../../operations/registry.ts'
import type { KeySummary } from '../../../../service/ports/keys.ts'
import { failInvalid } from '../../../../service/service-result.ts'
import { textField } from '../../components/form.ts'
import { definitionList } from '../../components/html.ts'
import { relativeTime } from '../../components/time.ts'
import { mountConfirmedAction } from '../../confirmation.ts'
import { getField } from '../../context.ts'
import { getFlash } from '../../flash.ts'
import { formatKeyPath, KEYS_PATH, toKeyCrumbs } from '../../navigation.ts'
import type { ConsoleRouter } from '../../router.ts'
import { KEY_TYPE_LABELS } from './key-labels.ts'

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

export const isDeletable = ({ keyType }: KeySummary): boolean => getKeyTypeTraits(keyType).deletable
