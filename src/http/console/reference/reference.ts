import type { Context } from 'hono'
import { html } from 'hono/html'
import type { Caller } from '../../../service/refused.ts'
import type { Api } from '../../openapi.ts'
import { document } from '../answer.ts'
import { setBasePath } from '../base-path.ts'
import { beside } from '../look/frame.ts'
import type { Html } from '../parts/html.ts'
import { operationCard, operationsOf } from './operation.ts'
import { prose } from './prose.ts'
import { members, schemaId } from './schema.ts'

/** The document of the management API as a page: for who is not signed in, too. */
export function createReference(consoleUrl: string) {
  // It is the same for everybody.
  let page: string | undefined
  return async (c: Context, caller: Caller, api: Api): Promise<Response> => {
    setBasePath(c, consoleUrl)
    page ??= String(await referencePage(api))
    return document(c, caller, page)
  }
}

const referencePage = (api: Api): Html => beside(api.info.title, contents(api), body(api))

const contents = ({ tags }: Api): Html => html`
  <nav aria-label="On this page"><div><h2>API</h2><ul>
    ${[...tags.map(({ name }) => name), 'Problems', 'Things'].map((name) => html`<li><a href="#${anchor(name)}">${name}</a></li>`)}
  </ul></div></nav>`

const anchor = (name: string): string => `api-${name.toLowerCase()}`

const body = (api: Api): Html => html`
  <div class="head"><div><h1>${api.info.title}</h1><p class="soft">Version ${api.info.version}</p></div>
    <div class="row"><a class="button" href="/admin/v1/openapi.json">OpenAPI 3.1</a></div></div>
  <div class="prose"><p>${prose(api.info.description)}</p></div>
  <pre tabindex="0"><code>curl "$CONSOLE_URL/admin/v1/me" -H "Authorization: Bearer $API_TOKEN"</code></pre>
  ${api.tags.map(
    ({ name, description }) => html`
  <section class="stack chapter" id="${anchor(name)}"><div><h2>${name}</h2><p class="soft">${description}</p></div>
    ${operationsOf(api, name).map(operationCard)}</section>`,
  )}
  <section class="stack chapter" id="${anchor('Problems')}"><div><h2>Problems</h2><p class="soft">Why a request was not done, as RFC 9457 tells it.</p></div>
    <div class="card"><dl class="facts">${Object.entries(api.components.responses).map(
      ([kind, { description }]) =>
        html`<dt id="problem-${kind}"><code>${kind}</code></dt><dd>${prose(description)}</dd>`,
    )}</dl></div></section>
  <section class="stack chapter" id="${anchor('Things')}"><div><h2>Things</h2><p class="soft">What answers hold.</p></div>
    ${Object.entries(api.components.schemas).map(
      ([name, schema]) =>
        html`<article class="card" id="${schemaId(name)}"><h3>${name}</h3>${members(schema)}</article>`,
    )}</section>`
