import { type Choice, selectField, textField } from './form.ts'
import type { Html } from './html.ts'

/** Bounds the choices of one list; with more rows the picker asks for an id. */
const MAX_PICKER_CHOICES = 200

/** Loads one row more than a picker shows, so that `toPickerOptions` knows when there are too many. */
export const PICKER_ROW_LIMIT = MAX_PICKER_CHOICES + 1

/** The choices of a picker; null where they are too many. */
export type PickerOptions = readonly Choice[] | null

type NamedRows = readonly { readonly id: string; readonly name: string }[]

/** Sorts the choices by name. */
export function toPickerOptions(rows: NamedRows): PickerOptions {
  if (rows.length > MAX_PICKER_CHOICES) return null
  const names = formatDistinctNames(rows)
  return rows
    .toSorted((a, b) => a.name.localeCompare(b.name, 'en'))
    .map(({ id, name }) => ({ value: id, text: names.get(id) ?? name }))
}

/** The name of each row by its id. Names that repeat are followed by the end of the id. */
export function formatDistinctNames(rows: NamedRows): ReadonlyMap<string, string> {
  const counts = new Map<string, number>()
  for (const { name } of rows) counts.set(name, (counts.get(name) ?? 0) + 1)
  return new Map(
    rows.map(({ id, name }) => [
      id,
      counts.get(name) === 1 ? name : `${name} (…${id.slice(-SHORT_ID_LENGTH)})`,
    ]),
  )
}

/** The last digits of a UUID of any version are random; the first ones of a version 7 are a time. */
const SHORT_ID_LENGTH = 8

/** Renders a list to choose from, or a field for the id where the list would be too long. */
export const resourcePicker = (picker: {
  readonly name: string
  readonly label: string
  readonly value: string
  /** The choice of nothing, where that is one. */
  readonly noneChoice?: Choice | undefined
  readonly hint?: Html | string | undefined
  readonly required?: boolean | undefined
  readonly options: PickerOptions
}): Html =>
  picker.options === null
    ? textField({
        name: picker.name,
        label: `${picker.label}, by its id`,
        value: picker.value,
        hint: `There are more than ${MAX_PICKER_CHOICES}: copy the id from its page.`,
        required: picker.required,
        spellcheck: false,
      })
    : selectField({
        ...picker,
        choices: [
          ...(picker.noneChoice === undefined ? [] : [picker.noneChoice]),
          ...picker.options,
        ],
      })
