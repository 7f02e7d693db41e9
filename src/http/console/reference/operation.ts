import { html } from 'hono/html'
import type { Api, ApiOperation, Parameter, Schema } from '../../openapi.ts'
import { type Html, nothing } from '../parts/html.ts'
import { badge } from '../parts/words.ts'
import { prose } from './prose.ts'
import { joined, member, members, typeOf } from './schema.ts'

export interface Documented {
  readonly method: string
  readonly path: string
  readonly operation: ApiOperation
}

/** All that can be asked for under this heading. */
export const operationsOf = ({ paths }: Api, tag: string): Documented[] =>
  Object.entries(paths).flatMap(([path, methods]) =>
    Object.entries(methods)
      .filter(([, { tags }]) => tags.includes(tag))
      .map(([method, operation]) => ({ method: method.toUpperCase(), path, operation })),
  )

/** Those of every list are told once, at the top. */
const PAGING = ['limit', 'after']

/** One operation: what it does, what it takes, what it answers, and a request to paste. */
export function operationCard(of: Documented): Html {
  const { method, path, operation } = of
  const query = (operation.parameters ?? []).filter(
    ({ in: place, name }) => place === 'query' && !PAGING.includes(name),
  )
  const body = operation.requestBody?.content['application/json']
  return html`
  <article class="card" id="${operation.operationId}">
    <header><h3>${operation.summary}</h3>${
      operation['x-permission'] === undefined ? nothing : badge(operation['x-permission'])
    }</header>
    <p><code><strong>${method}</strong> ${path}</code></p>
    ${operation.description === undefined ? nothing : html`<p>${prose(operation.description)}</p>`}
    ${query.length === 0 ? nothing : html`<h4>Parameters</h4>${parameters(query)}`}
    ${body === undefined ? nothing : html`<h4>Body</h4>${members(body.schema, true)}`}
    <p>${answer(operation)}</p>
    ${example(of)}
  </article>`
}

const parameters = (all: readonly Parameter[]): Html => html`
  <dl class="facts">${all.map(({ name, schema, required }) =>
    member(name, schema, required ? html` <strong>needed</strong>` : nothing),
  )}</dl>`

function answer({ responses }: ApiOperation): Html {
  const [status = '', { content = {} } = {}] = Object.entries(responses)[0] ?? []
  const [[type, media] = []] = Object.entries(content)
  if (type === undefined || media === undefined)
    return html`Answers <code>${status}</code>, and nothing else.`
  return type === 'application/json'
    ? html`Answers <code>${status}</code>: ${shape(media.schema)}.`
    : html`Answers <code>${status}</code>: <code>${type}</code>.`
}

/** A page of a list is called by what it lists. */
function shape(schema: Schema): Html {
  const { items, next } = schema.properties ?? {}
  if (items?.items !== undefined && next !== undefined)
    return html`a page of ${typeOf(items.items)}`
  const names = Object.keys(schema.properties ?? {})
  return names.length === 0
    ? typeOf(schema)
    : html`an object with ${joined(
        names.map((name) => html`<code>${name}</code>`),
        ' and ',
      )}`
}

function example({ method, path, operation }: Documented): Html {
  const bodies = operation.requestBody?.content['application/json']?.examples ?? {}
  const [[what, first] = []] = Object.entries(bodies)
  if (what === undefined || first === undefined) return nothing
  const filled = path.replaceAll(
    /\{(\w+)\}/g,
    (whole, name: string) => exampleOf(operation, name) ?? whole,
  )
  const text = [
    `curl -X ${method} "$CONSOLE_URL/admin/v1${filled}"`,
    `-H "Authorization: Bearer $API_TOKEN"`,
    `-H 'Content-Type: application/json'`,
    `-d '${JSON.stringify(first.value)}'`,
  ].join(' \\\n  ')
  return html`<details class="more"><summary>A request: ${what.toLowerCase()}</summary><pre tabindex="0"><code>${text}</code></pre></details>`
}

const exampleOf = ({ parameters = [] }: ApiOperation, name: string) =>
  parameters.find((parameter) => parameter.name === name)?.schema.example?.toString()
