import type { Context } from 'hono'
import { html } from 'hono/html'
import type { Caller } from '../../../service/caller.ts'
import type {
  OpenApiDocument,
  OpenApiOperation,
  OpenApiParameter,
  OpenApiSchema,
} from '../../openapi/document.ts'
import { badge, type Html, nothing, withCode } from '../components/html.ts'
import { type ConsolePathDeps, createConsolePaths, setConsolePaths } from '../console-paths.ts'
import { referenceLayout } from '../layout.ts'
import { renderDocument } from '../render.ts'

/** The page of the management API's OpenAPI document. It needs no session. */
export function createApiReference(deps: ConsolePathDeps) {
  const paths = createConsolePaths(deps)
  // The page is the same for everybody.
  let rendered: string | undefined
  return async (c: Context, caller: Caller, api: OpenApiDocument): Promise<Response> => {
    setConsolePaths(c, paths)
    rendered ??= String(
      await referenceLayout(c, api.info.title, tableOfContents(api), referenceBody(api)),
    )
    return renderDocument(c, caller, rendered)
  }
}

const tableOfContents = ({ tags }: OpenApiDocument): Html => html`
  <nav aria-label="On this page"><div><h2>API</h2><ul>
    ${[...tags.map(({ name }) => name), 'Problems', 'Schemas'].map((name) => html`<li><a href="#${formatAnchor(name)}">${name}</a></li>`)}
  </ul></div></nav>`

const formatAnchor = (name: string): string => `api-${name.toLowerCase()}`

const referenceBody = (api: OpenApiDocument): Html => html`
  <div class="head"><div><h1>${api.info.title}</h1><p class="soft">Version ${api.info.version}</p></div>
    <div class="row"><a class="button" href="/admin/v1/openapi.json">OpenAPI 3.1</a></div></div>
  <div class="prose"><p>${withCode(api.info.description)}</p></div>
  <pre tabindex="0"><code>curl "$CONSOLE_URL/admin/v1/me" -H "Authorization: Bearer $API_TOKEN"</code></pre>
  ${api.tags.map(
    ({ name, description }) => html`
  <section class="stack chapter" id="${formatAnchor(name)}"><div><h2>${name}</h2><p class="soft">${description}</p></div>
    ${listOperations(api, name).map(operationCard)}</section>`,
  )}
  <section class="stack chapter" id="${formatAnchor('Problems')}"><div><h2>Problems</h2><p class="soft">The reasons for refused requests, in the format of RFC 9457.</p></div>
    <div class="card"><dl class="facts">${Object.entries(api.components.responses).map(
      ([kind, { description }]) =>
        html`<dt id="problem-${kind}"><code>${kind}</code></dt><dd>${withCode(description)}</dd>`,
    )}</dl></div></section>
  <section class="stack chapter" id="${formatAnchor('Schemas')}"><div><h2>Schemas</h2><p class="soft">The objects of responses.</p></div>
    ${Object.entries(api.components.schemas).map(
      ([name, schema]) =>
        html`<article class="card" id="${formatSchemaId(name)}"><h3>${name}</h3>${memberList(schema)}</article>`,
    )}</section>`

interface DocumentedOperation {
  readonly method: string
  readonly path: string
  readonly operation: OpenApiOperation
}

/** Lists the operations with this tag. */
const listOperations = ({ paths }: OpenApiDocument, tag: string): DocumentedOperation[] =>
  Object.entries(paths).flatMap(([path, methods]) =>
    Object.entries(methods)
      .filter(([, { tags }]) => tags.includes(tag))
      .map(([method, operation]) => ({ method: method.toUpperCase(), path, operation })),
  )

/** The paging of lists and the id of a new row are described once, at the top. */
const PAGING_PARAMETERS = ['limit', 'after']

/** The description of an operation, with an example request. */
function operationCard(documented: DocumentedOperation): Html {
  const { method, path, operation } = documented
  const query = (operation.parameters ?? []).filter(
    ({ in: place, name }) => place === 'query' && !PAGING_PARAMETERS.includes(name),
  )
  const body = operation.requestBody?.content['application/json']
  return html`
  <article class="card" id="${operation.operationId}">
    <header><h3>${operation.summary}</h3>${
      operation['x-permission'] === undefined ? nothing : badge(operation['x-permission'])
    }</header>
    <p><code><strong>${method}</strong> ${path}</code></p>${[
      operation.description === undefined
        ? nothing
        : html`<p>${withCode(operation.description)}</p>`,
      query.length === 0 ? nothing : html`<h4>Parameters</h4>${parameterList(query)}`,
      body === undefined ? nothing : html`<h4>Body</h4>${memberList(body.schema, true)}`,
    ]}
    <p>${responseSummary(operation)}</p>${requestExample(documented)}
  </article>`
}

const parameterList = (all: readonly OpenApiParameter[]): Html => html`
  <dl class="facts">${all.map(({ name, schema, required }) =>
    memberEntry(name, schema, required ? html` <strong>required</strong>` : nothing),
  )}</dl>`

function responseSummary({ responses }: OpenApiOperation): Html {
  const [status = '', { content = {} } = {}] = Object.entries(responses)[0] ?? []
  const [[type, media] = []] = Object.entries(content)
  if (type === undefined || media === undefined)
    return html`Returns <code>${status}</code> without a body.`
  return type === 'application/json'
    ? html`Returns <code>${status}</code>: ${responseShape(media.schema)}.`
    : html`Returns <code>${status}</code>: <code>${type}</code>.`
}

/** A page of a list is named after its items. */
function responseShape(schema: OpenApiSchema): Html {
  const { items, next } = schema.properties ?? {}
  if (items?.items !== undefined && next !== undefined)
    return html`a page of ${schemaType(items.items)}`
  const names = Object.keys(schema.properties ?? {})
  return names.length === 0
    ? schemaType(schema)
    : html`an object with ${joinHtml(
        names.map((name) => html`<code>${name}</code>`),
        ' and ',
      )}`
}

function requestExample({ method, path, operation }: DocumentedOperation): Html {
  const bodies = operation.requestBody?.content['application/json']?.examples ?? {}
  const [[exampleName, firstExample] = []] = Object.entries(bodies)
  if (exampleName === undefined || firstExample === undefined) return nothing
  const examplePath = path.replaceAll(
    /\{(\w+)\}/g,
    (whole, name: string) => findParameterExample(operation, name) ?? whole,
  )
  const text = [
    `curl -X ${method} "$CONSOLE_URL/admin/v1${examplePath}"`,
    `-H "Authorization: Bearer $API_TOKEN"`,
    `--json '${JSON.stringify(firstExample.value)}'`,
  ].join(' \\\n  ')
  return html`<details class="more"><summary>Example: ${exampleName.toLowerCase()}</summary><pre tabindex="0"><code>${text}</code></pre></details>`
}

const findParameterExample = ({ parameters = [] }: OpenApiOperation, name: string) =>
  parameters.find((parameter) => parameter.name === name)?.schema.example?.toString()

const formatSchemaId = (name: string): string => `schema-${name}`

const parseRefName = (ref: string): string => ref.slice(ref.lastIndexOf('/') + 1)

const TYPE_LABELS: Readonly<Record<string, string>> = {
  string: 'text',
  integer: 'whole number',
  boolean: 'true or false',
  object: 'object',
}
const FORMAT_LABELS: Readonly<Record<string, string>> = {
  'date-time': 'time (RFC 3339)',
  date: 'date',
  uuid: 'UUID',
}

/** Describes a schema in a few words. */
function schemaType(schema: OpenApiSchema): Html {
  const { $ref, type, format, items, anyOf, oneOf } = schema
  if ($ref !== undefined) {
    const name = parseRefName($ref)
    return html`<a href="#${formatSchemaId(name)}">${name}</a>`
  }
  if (schema.const !== undefined) return html`<code>${schema.const}</code>`
  if (schema.enum !== undefined) {
    return joinHtml(
      schema.enum.filter((one) => one !== null).map((one) => html`<code>${one}</code>`),
    )
  }
  if (items !== undefined) return html`list of ${schemaType(items)}`
  const choices = anyOf ?? oneOf
  if (choices !== undefined) return joinHtml(choices.map(schemaType))
  const types = [type ?? []]
    .flat()
    .map((one) => FORMAT_LABELS[format ?? ''] ?? TYPE_LABELS[one] ?? one)
  const isNullable = [type ?? []].flat().includes('null')
  return html`${types[0] ?? 'anything'}${isNullable ? ' or null' : nothing}`
}

const joinHtml = (all: readonly Html[], last = ' or '): Html =>
  html`${all.map((one, n) => html`${n === 0 ? nothing : n === all.length - 1 ? last : ', '}${one}`)}`

/** The members of an object, each with its description. */
const memberList = (schema: OpenApiSchema, isRequest = false): Html => html`
  <dl class="facts">${Object.entries(schema.properties ?? {}).map(([name, memberSchema]) => {
    if (isRequest && name === 'id') return nothing
    const isRequired = isRequest && schema.required?.includes(name)
    return memberEntry(name, memberSchema, isRequired ? html` <strong>required</strong>` : nothing)
  })}</dl>`

/** A member of an object, or a parameter. */
const memberEntry = (name: string, schema: OpenApiSchema, mark: Html): Html =>
  html`<dt><code>${name}</code></dt><dd>${schemaType(schema)}${mark}${
    schema.default === undefined
      ? nothing
      : html` <span class="soft">(default: <code>${schema.default}</code>)</span>`
  }${schema.description === undefined ? nothing : html`<small>${withCode(schema.description)}</small>`}${nestedMembers(schema)}</dd>`

/** Shows objects without a schema name in place. */
function nestedMembers({ properties, anyOf, oneOf, type }: OpenApiSchema): Html {
  if (properties !== undefined)
    return memberList({ properties, ...(type === undefined ? {} : { type }) })
  const objects = (anyOf ?? oneOf ?? []).filter((one) => one.properties !== undefined)
  return objects.length === 0 ? nothing : html`${objects.map((one) => memberList(one))}`
}
