import type { KeyType } from '../../../../domain/key-type.ts'
import { getKeyTypeTraits } from '../../../../domain/key-type.ts'
import { type Choice, selectField, textField } from '../../components/form.ts'
import type { Html } from '../../components/html.ts'
import type { PageContext } from '../../context.ts'

/** More are not put into one list to choose from: then the id is asked for. */
const MAX_PICKER_CHOICES = 200

/** What one may choose from; null where it is too many. */
export type PickerOptions = readonly Choice[] | null

const toPickerOptions = (
  rows: readonly { readonly id: string; readonly name: string }[],
): PickerOptions =>
  rows.length > MAX_PICKER_CHOICES
    ? null
    : rows
        .map(({ id, name }) => ({ value: id, text: name }))
        .sort((a, b) => a.text.localeCompare(b.text, 'en'))

const toListQuery = (accountId?: string) => ({ accountId, limit: MAX_PICKER_CHOICES + 1 })

export const listSiteOptions = async (
  { services }: PageContext,
  accountId?: string,
): Promise<PickerOptions> =>
  toPickerOptions(await services.directory.listSites(toListQuery(accountId)))

export const listAccountOptions = async ({ services }: PageContext): Promise<PickerOptions> =>
  toPickerOptions(await services.accounts.list({ limit: MAX_PICKER_CHOICES + 1 }))

export interface KeyParent {
  /** Of the field, and as people call it. */
  readonly name: 'source' | 'site' | 'developer'
  readonly label: string
  /** Where there is none yet, it is made here. */
  readonly path: string
}

const KEY_PARENTS = {
  source: { name: 'source', label: 'Source', path: '/console/sources' },
  site: { name: 'site', label: 'Site', path: '/console/sites' },
  developer: { name: 'developer', label: 'Developer', path: '/console/developers' },
} as const satisfies Record<string, KeyParent>

/** What a key of this dialect is made for, beside its owner. */
export function findKeyParent(keyType: KeyType): KeyParent | null {
  const { belongsTo } = getKeyTypeTraits(keyType)
  return belongsTo === 'owner' ? null : KEY_PARENTS[belongsTo]
}

export async function listParentOptions(
  context: PageContext,
  { name }: KeyParent,
  accountId: string,
): Promise<PickerOptions> {
  const { directory, routing } = context.services
  switch (name) {
    case 'source':
      return toPickerOptions(await routing.listSources(toListQuery(accountId)))
    case 'site':
      return listSiteOptions(context, accountId)
    case 'developer':
      return toPickerOptions(await directory.listDevelopers(toListQuery(accountId)))
  }
}

/** A list to choose from, or a field for the id where the list would be too long. */
export const resourcePicker = (picker: {
  readonly name: string
  readonly label: string
  readonly value: string
  /** The choice of nothing, where that is one. */
  readonly noneChoice?: Choice | undefined
  readonly hint?: string | undefined
  readonly options: PickerOptions
}): Html =>
  picker.options === null
    ? textField({
        name: picker.name,
        label: `${picker.label}, by its id`,
        value: picker.value,
        hint: `There are more than ${MAX_PICKER_CHOICES}: copy the id from its page.`,
        spellcheck: false,
      })
    : selectField({
        ...picker,
        choices: [
          ...(picker.noneChoice === undefined ? [] : [picker.noneChoice]),
          ...picker.options,
        ],
      })
