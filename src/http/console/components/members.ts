import { html } from 'hono/html'
import {
  findFieldMember,
  listMembers,
  type Member,
  type Operation,
} from '../../../operations/define.ts'
import type { ServiceError } from '../../../service/service-result.ts'
import { getField, type PageContext } from '../context.ts'
import { type Choice, checkbox, selectField, textArea, textField } from './form.ts'
import { exactTime, type Html, relativeTime, toSentence, withCode } from './html.ts'

/** A field for a member whose schema does not suffice to choose one. */
type Widget = (context: PageContext, value: string) => Html | Promise<Html>
export type Widgets = Readonly<Record<string, Widget>>

type LabelledMember = Pick<Member, 'name' | 'schema'>

/** Formats `developerKey` as `Developer key`, and `createdAt` as `Created`. */
export function formatMemberLabel({ name, schema }: LabelledMember): string {
  if (schema.title !== undefined) return schema.title
  const words = name
    .replace(/(?<=.)(?:Id|At)$/, '')
    .replaceAll(/[A-Z]/g, (c) => ` ${c.toLowerCase()}`)
  return words.charAt(0).toUpperCase() + words.slice(1)
}

/** Begins the message with the label of the field that it is about, unless it has that already. */
export function labelServiceError(operation: Operation, error: ServiceError): ServiceError {
  const member = 'field' in error ? findFieldMember(operation, error.field) : undefined
  if (member === undefined) return error
  const label = formatMemberLabel(member)
  return error.message.toLowerCase().includes(label.toLowerCase())
    ? error
    : { ...error, message: `${label}: ${error.message}` }
}

/** Renders a field for each member of an operation's body, except the ids that the page knows. */
export const memberFields = (
  context: PageContext,
  operation: Operation,
  {
    getValue,
    widgets = {},
    hasFocus = false,
  }: {
    readonly getValue: (name: string) => string
    readonly widgets?: Widgets | undefined
    /** The first field takes the keyboard focus. */
    readonly hasFocus?: boolean
  },
): (Html | Promise<Html>)[] =>
  listBodyMembers(operation).map((member, n) => {
    const value = getValue(member.name)
    return widgets[member.name]?.(context, value) ?? memberField(member, value, hasFocus && n === 0)
  })

export function memberField(member: Member, value: string, autofocus = false): Html {
  const { name, schema, isRequired } = member
  const label = formatMemberLabel(member)
  const { description = '' } = schema
  const text = description.replace('; null for ', '. Leave it empty for ')
  const hint = text === '' ? undefined : withCode(toSentence(text))
  if (schema.type === 'boolean') {
    const text = html`${label}<span class="hint">${hint}</span>`
    return checkbox({ name, label: text, checked: value !== '' })
  }
  if (schema.enum !== undefined)
    return selectField({ name, label, value, hint, choices: listChoices(member) })
  if (schema.type?.includes('object')) return textArea({ name, label, value, hint, code: true })
  const isSecret = schema.format === 'password'
  return textField({
    name,
    label,
    hint,
    autofocus,
    required: isRequired,
    // A secret is never shown again.
    ...(isSecret ? { type: 'password', autocomplete: 'new-password' } : { value }),
    ...(schema.format === 'email' ? { type: 'email' } : {}),
    ...(isNumber(member) ? { inputmode: 'numeric' } : {}),
    ...(name === 'name' || isSecret ? {} : { spellcheck: false }),
  })
}

const listChoices = ({ schema, isRequired }: Member): Choice[] => {
  const choices = (schema.enum ?? []).flatMap((value) =>
    value === null ? [] : [{ value, text: value }],
  )
  return isRequired || schema.default !== undefined
    ? choices
    : [{ value: '', text: 'Default' }, ...choices]
}

const isNumber = ({ schema }: LabelledMember) =>
  schema.type === 'integer' || schema.type === 'number'

const listBodyMembers = (operation: Operation): Member[] =>
  listMembers(operation).filter(({ name, part }) => part === 'body' && name !== 'id')

/** Reads the body of an operation from the fields of `memberFields`. An empty optional field is left out. */
export const readMembers = (context: PageContext, operation: Operation): object =>
  Object.fromEntries(
    listBodyMembers(operation).flatMap((member): [string, unknown][] => {
      const text = getField(context, member.name)
      if (member.schema.type === 'boolean') return [[member.name, text !== '']]
      if (text === '' && !member.isRequired) return []
      return [[member.name, isNumber(member) ? Number(text) : text]]
    }),
  )

/** Formats the value of a member, with the exact time in details and a relative one in lists. */
export function formatMember(
  { schema }: LabelledMember,
  value: unknown,
  now: number | null,
): Html | string {
  if (value === null || value === undefined || value === '') return 'None'
  if (typeof value === 'boolean') return value ? 'Yes' : 'No'
  if (typeof value !== 'number') return String(value)
  if (schema.format !== 'date-time') return value.toLocaleString('en')
  return now === null ? exactTime(value) : relativeTime(value, now)
}
