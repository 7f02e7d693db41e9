import { html } from 'hono/html'
import type { Schema } from '../../openapi.ts'
import { type Html, nothing } from '../parts/html.ts'
import { prose } from './prose.ts'

export const schemaId = (name: string): string => `schema-${name}`

const nameOf = (ref: string): string => ref.slice(ref.lastIndexOf('/') + 1)

const WORDS: Readonly<Record<string, string>> = {
  string: 'text',
  integer: 'whole number',
  boolean: 'true or false',
  object: 'object',
}
const FORMATS: Readonly<Record<string, string>> = {
  'date-time': 'time (RFC 3339)',
  date: 'date',
  uuid: 'UUID',
}

/** What may stand in this place, in a few words. */
export function typeOf(schema: Schema): Html {
  const { $ref, type, format, items, anyOf, oneOf } = schema
  if ($ref !== undefined) {
    const name = nameOf($ref)
    return html`<a href="#${schemaId(name)}">${name}</a>`
  }
  if (schema.const !== undefined) return html`<code>${schema.const}</code>`
  if (schema.enum !== undefined) {
    return joined(schema.enum.filter((one) => one !== null).map((one) => html`<code>${one}</code>`))
  }
  if (items !== undefined) return html`list of ${typeOf(items)}`
  const choices = anyOf ?? oneOf
  if (choices !== undefined) return joined(choices.map(typeOf))
  const types = [type ?? []].flat().map((one) => FORMATS[format ?? ''] ?? WORDS[one] ?? one)
  const orNull = [type ?? []].flat().includes('null')
  return html`${types[0] ?? 'anything'}${orNull ? ' or null' : nothing}`
}

export const joined = (all: readonly Html[], last = ' or '): Html =>
  html`${all.map((one, n) => html`${n === 0 ? nothing : n === all.length - 1 ? last : ', '}${one}`)}`

/** The members of an object, and below each what it is. */
export const members = (schema: Schema, isAsked = false): Html => html`
  <dl class="facts">${Object.entries(schema.properties ?? {}).map(([name, its]) => {
    const isNeeded = isAsked && schema.required?.includes(name)
    return member(name, its, isNeeded ? html` <strong>needed</strong>` : nothing)
  })}</dl>`

/** A member, or a parameter. */
export const member = (name: string, schema: Schema, mark: Html): Html => html`
  <dt><code>${name}</code></dt><dd>${typeOf(schema)}${mark}${
    schema.default === undefined
      ? nothing
      : html` <span class="soft">(<code>${schema.default}</code> where it is left out)</span>`
  }${schema.description === undefined ? nothing : html`<br><span class="soft small">${prose(schema.description)}</span>`}${inner(schema)}</dd>`

/** Objects that have no name of their own are shown where they are. */
function inner({ properties, anyOf, oneOf, type }: Schema): Html {
  if (properties !== undefined)
    return members({ properties, ...(type === undefined ? {} : { type }) })
  const objects = (anyOf ?? oneOf ?? []).filter((one) => one.properties !== undefined)
  return objects.length === 0 ? nothing : html`${objects.map((one) => members(one))}`
}
