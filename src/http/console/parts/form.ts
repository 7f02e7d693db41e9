import { html } from 'hono/html'
import { type Html, nothing } from './html.ts'
import { sentence } from './words.ts'

/** What proves that a form came from a page of ours. */
export const FORM_TOKEN = 'form-token'

export interface Field {
  readonly name: string
  readonly label: string
  readonly value?: string | undefined
  readonly hint?: Html | string | undefined
  /** What is wrong with what was typed here. */
  readonly error?: string | undefined
  readonly type?: 'text' | 'password' | 'email' | 'url' | 'date' | 'search' | 'number' | undefined
  readonly required?: boolean | undefined
  readonly autofocus?: boolean | undefined
  readonly readonly?: boolean | undefined
  readonly autocomplete?: string | undefined
  readonly inputmode?: 'numeric' | 'text' | undefined
  readonly maxlength?: number | undefined
  readonly spellcheck?: boolean | undefined
  /** Choices that are offered while one types. */
  readonly list?: string | undefined
  /** Where they are asked for, what was typed put at its end. */
  readonly suggest?: string | undefined
  readonly wide?: boolean | undefined
}

/** A form that changes something. */
export const form = (
  token: string,
  action: string,
  body: Html,
  look: { readonly inline?: boolean } = {},
): Html => html`
  <form method="post" action="${action}"${look.inline ? html` class="inline"` : nothing}>
    <input type="hidden" name="${FORM_TOKEN}" value="${token}">${body}
  </form>`

/** One button that changes something. `what`: the whole of what it does, where its text alone does not say it. */
export const press = (
  token: string,
  action: string,
  text: string,
  {
    look = '',
    what,
    fields = {},
  }: {
    readonly look?: string
    readonly what?: string | undefined
    readonly fields?: Readonly<Record<string, string>>
  } = {},
): Html =>
  form(
    token,
    action,
    html`${Object.entries(fields).map(([name, value]) => hidden(name, value))}${submit(text, look, what)}`,
    { inline: true },
  )

export const hidden = (name: string, value: string): Html =>
  html`<input type="hidden" name="${name}" value="${value}">`

export const submit = (text: string, look = 'primary', what?: string): Html =>
  html`<button type="submit" class="${look}"${what === undefined ? nothing : html` aria-label="${what}"`}>${text}</button>`

export const link = (href: string, text: string, look = ''): Html =>
  html`<a class="button ${look}" href="${href}">${text}</a>`

export function field(of: Field): Html {
  const hint =
    of.hint === undefined ? nothing : html`<p class="hint" id="${of.name}-hint">${of.hint}</p>`
  const error =
    of.error === undefined
      ? nothing
      : html`<p class="error" id="${of.name}-error">${sentence(of.error)}</p>`
  const says = [of.error && `${of.name}-error`, of.hint && `${of.name}-hint`].filter(Boolean)
  return html`
  <div class="field${of.wide ? ' wide' : ''}">
    <label for="${of.name}">${of.label}</label>
    <input id="${of.name}" name="${of.name}" type="${of.type ?? 'text'}" value="${of.value ?? ''}"${[
      flag('required', of.required),
      flag('autofocus', of.autofocus),
      flag('readonly', of.readonly),
      attribute('autocomplete', of.autocomplete ?? (isAsked(of) ? 'off' : undefined)),
      attribute('inputmode', of.inputmode),
      attribute('maxlength', of.maxlength?.toString()),
      attribute('list', of.list),
      attribute('data-suggest', of.suggest),
      attribute('spellcheck', of.spellcheck === false ? 'false' : undefined),
      attribute('aria-invalid', of.error === undefined ? undefined : 'true'),
      attribute('aria-describedby', says.length === 0 ? undefined : says.join(' ')),
    ]}>${error}${hint}
  </div>`
}

/** What is looked for, or chosen from a list of ours. Elsewhere "off" would lose what was typed when one goes back. */
const isAsked = ({ type, list }: Field): boolean => type === 'search' || list !== undefined

export const area = (
  of: Pick<Field, 'name' | 'label' | 'value' | 'hint' | 'maxlength'> & { readonly code?: boolean },
): Html => html`
  <div class="field">
    <label for="${of.name}">${of.label}</label>
    <textarea id="${of.name}" name="${of.name}"${of.code ? html` class="code" spellcheck="false"` : nothing}${attribute(
      'maxlength',
      of.maxlength?.toString(),
    )}${attribute('aria-describedby', of.hint === undefined ? undefined : `${of.name}-hint`)}>
${of.value ?? ''}</textarea>${of.hint === undefined ? nothing : html`<p class="hint" id="${of.name}-hint">${of.hint}</p>`}
  </div>`

export interface Choice {
  readonly value: string
  readonly text: string
}

export const select = (of: {
  readonly name: string
  readonly label: string
  readonly value?: string | undefined
  readonly hint?: string | undefined
  readonly choices: readonly Choice[]
}): Html => html`
  <div class="field">
    <label for="${of.name}">${of.label}</label>
    <select id="${of.name}" name="${of.name}"${attribute('aria-describedby', of.hint === undefined ? undefined : `${of.name}-hint`)}>${of.choices.map(
      ({ value, text }) =>
        html`<option value="${value}"${flag('selected', value === of.value)}>${text}</option>`,
    )}</select>${of.hint === undefined ? nothing : html`<p class="hint" id="${of.name}-hint">${of.hint}</p>`}
  </div>`

export const check = (of: {
  readonly name: string
  readonly label: Html | string
  readonly checked?: boolean
  readonly required?: boolean
}): Html => html`
  <label class="check"><input type="checkbox" name="${of.name}" value="yes"${[
    flag('checked', of.checked),
    flag('required', of.required),
  ]}><span>${of.label}</span></label>`

/** One of several, each with what it means. */
export const choices = (of: {
  readonly name: string
  readonly legend: string
  readonly value?: string | undefined
  readonly options: readonly (Choice & { readonly hint: string })[]
}): Html => html`
  <fieldset class="stack tight"><legend>${of.legend}</legend><div class="choices">${of.options.map(
    ({ value, text, hint }) => html`
    <label class="choice"><input type="radio" name="${of.name}" value="${value}" required${flag(
      'checked',
      value === of.value,
    )}><span><strong>${text}</strong><span class="small soft">${hint}</span></span></label>`,
  )}</div></fieldset>`

const attribute = (name: string, value: string | undefined): Html =>
  value === undefined ? nothing : html` ${name}="${value}"`
const flag = (name: string, on: boolean | undefined): Html => (on ? html` ${name}` : nothing)
