import { html } from 'hono/html'
import { type Html, nothing, toSentence } from './html.ts'

/** The field that proves that a page of this session sent the form. */
export const FORM_TOKEN_FIELD = 'form-token'

interface TextField {
  readonly name: string
  readonly label: string
  readonly value?: string | undefined
  readonly hint?: Html | string | undefined
  /** The error of this field. */
  readonly error?: string | undefined
  readonly type?: 'text' | 'password' | 'email' | 'url' | 'date' | 'search' | 'number' | undefined
  readonly required?: boolean | undefined
  readonly autofocus?: boolean | undefined
  readonly readonly?: boolean | undefined
  readonly autocomplete?: string | undefined
  readonly inputmode?: 'numeric' | 'text' | undefined
  readonly maxlength?: number | undefined
  readonly spellcheck?: boolean | undefined
  /** The id of the datalist that suggests values. */
  readonly list?: string | undefined
  /** The URL that suggestions are fetched from; the typed text is appended. */
  readonly suggest?: string | undefined
  readonly wide?: boolean | undefined
}

/** A form that changes something, with its form token. */
export const postForm = (
  token: string,
  action: string,
  body: Html,
  options: { readonly inline?: boolean } = {},
): Html => html`
  <form method="post" action="${action}"${options.inline ? html` class="inline"` : nothing}>
    <input type="hidden" name="${FORM_TOKEN_FIELD}" value="${token}">${body}
  </form>`

/** A form of one button. `label` is its accessible name, if its text alone is not clear. */
export const actionButton = (
  token: string,
  action: string,
  text: string,
  {
    variant = '',
    label,
    fields = {},
  }: {
    readonly variant?: string
    readonly label?: string | undefined
    readonly fields?: Readonly<Record<string, string>>
  } = {},
): Html =>
  postForm(
    token,
    action,
    html`${Object.entries(fields).map(([name, value]) => hiddenField(name, value))}${submitButton(text, variant, label)}`,
    { inline: true },
  )

export const hiddenField = (name: string, value: string): Html =>
  html`<input type="hidden" name="${name}" value="${value}">`

export const submitButton = (text: string, variant = 'primary', label?: string): Html =>
  html`<button type="submit" class="${variant}"${label === undefined ? nothing : html` aria-label="${label}"`}>${text}</button>`

export const buttonLink = (href: string, text: string, variant = ''): Html =>
  html`<a class="button ${variant}" href="${href}">${text}</a>`

export function textField(props: TextField): Html {
  const hint =
    props.hint === undefined
      ? nothing
      : html`<p class="hint" id="${props.name}-hint">${props.hint}</p>`
  const error =
    props.error === undefined
      ? nothing
      : html`<p class="error" id="${props.name}-error">${toSentence(props.error)}</p>`
  const descriptionIds = [
    props.error && `${props.name}-error`,
    props.hint && `${props.name}-hint`,
  ].filter(Boolean)
  return html`
  <div class="field${props.wide ? ' wide' : ''}">
    <label for="${props.name}">${props.label}</label>
    <input id="${props.name}" name="${props.name}" type="${props.type ?? 'text'}" value="${props.value ?? ''}"${[
      booleanAttribute('required', props.required),
      booleanAttribute('autofocus', props.autofocus),
      booleanAttribute('readonly', props.readonly),
      attribute(
        'autocomplete',
        props.autocomplete ?? (hasAutocompleteOff(props) ? 'off' : undefined),
      ),
      attribute('inputmode', props.inputmode),
      attribute('maxlength', props.maxlength?.toString()),
      attribute('list', props.list),
      attribute('data-suggest', props.suggest),
      attribute('spellcheck', props.spellcheck === false ? 'false' : undefined),
      attribute('aria-invalid', props.error === undefined ? undefined : 'true'),
      attribute(
        'aria-describedby',
        descriptionIds.length === 0 ? undefined : descriptionIds.join(' '),
      ),
    ]}>${error}${hint}
  </div>`
}

/** Turns autocomplete off for searches and suggestions. Elsewhere it would lose typed text on the way back. */
const hasAutocompleteOff = ({ type, list }: TextField): boolean =>
  type === 'search' || list !== undefined

export const textArea = (
  props: Pick<TextField, 'name' | 'label' | 'value' | 'hint' | 'maxlength'> & {
    readonly code?: boolean
  },
): Html => html`
  <div class="field">
    <label for="${props.name}">${props.label}</label>
    <textarea id="${props.name}" name="${props.name}"${props.code ? html` class="code" spellcheck="false"` : nothing}${attribute(
      'maxlength',
      props.maxlength?.toString(),
    )}${attribute('aria-describedby', props.hint === undefined ? undefined : `${props.name}-hint`)}>
${props.value ?? ''}</textarea>${props.hint === undefined ? nothing : html`<p class="hint" id="${props.name}-hint">${props.hint}</p>`}
  </div>`

export interface Choice {
  readonly value: string
  readonly text: string
}

export const selectField = (props: {
  readonly name: string
  readonly label: string
  readonly value?: string | undefined
  readonly hint?: Html | string | undefined
  readonly choices: readonly Choice[]
}): Html => html`
  <div class="field">
    <label for="${props.name}">${props.label}</label>
    <select id="${props.name}" name="${props.name}"${attribute('aria-describedby', props.hint === undefined ? undefined : `${props.name}-hint`)}>${props.choices.map(
      ({ value, text }) =>
        html`<option value="${value}"${booleanAttribute('selected', value === props.value)}>${text}</option>`,
    )}</select>${props.hint === undefined ? nothing : html`<p class="hint" id="${props.name}-hint">${props.hint}</p>`}
  </div>`

export const checkbox = (props: {
  readonly name: string
  readonly label: Html | string
  readonly checked?: boolean
  readonly required?: boolean
}): Html => html`
  <label class="check"><input type="checkbox" name="${props.name}" value="yes"${[
    booleanAttribute('checked', props.checked),
    booleanAttribute('required', props.required),
  ]}><span>${props.label}</span></label>`

/** Radio buttons, each with an explanation. */
export const radioGroup = (props: {
  readonly name: string
  readonly legend: string
  readonly value?: string | undefined
  readonly options: readonly (Choice & { readonly hint: string })[]
}): Html => html`
  <fieldset class="stack tight"><legend>${props.legend}</legend><div class="choices">${props.options.map(
    ({ value, text, hint }) => html`
    <label class="choice"><input type="radio" name="${props.name}" value="${value}" required${booleanAttribute(
      'checked',
      value === props.value,
    )}><span><strong>${text}</strong><span class="small soft">${hint}</span></span></label>`,
  )}</div></fieldset>`

/** Checkboxes of one name, of which any number may be checked. */
export const checkboxGroup = (props: {
  readonly name: string
  readonly legend: string
  readonly hint?: Html | string | undefined
  readonly values: readonly string[]
  readonly choices: readonly Choice[]
}): Html => html`
  <fieldset class="stack tight"><legend>${props.legend}</legend>${
    props.hint === undefined ? nothing : html`<p class="hint">${props.hint}</p>`
  }${props.choices.map(
    ({ value, text }) => html`
    <label class="check"><input type="checkbox" name="${props.name}" value="${value}"${booleanAttribute(
      'checked',
      props.values.includes(value),
    )}><span>${text}</span></label>`,
  )}</fieldset>`

const attribute = (name: string, value: string | undefined): Html =>
  value === undefined ? nothing : html` ${name}="${value}"`
const booleanAttribute = (name: string, isSet: boolean | undefined): Html =>
  isSet ? html` ${name}` : nothing

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
