import { html } from 'hono/html'
import { hasSecret, type OAuthClient } from '../../../../domain/oauth-client.ts'
import { listMemberParts, listMembers, type Member } from '../../../../operations/define.ts'
import { getOperation } from '../../../../operations/registry.ts'
import type { OAuthClientInput } from '../../../../service/keys/oauth-client.ts'
import type { KeySummary } from '../../../../service/ports/keys.ts'
import { checkboxGroup, PICKER_ROW_LIMIT, toPickerOptions } from '../../components/form.ts'
import { exactTime, type Html, nothing, toSentence } from '../../components/html.ts'
import { formatMember, formatMemberLabel, memberField } from '../../components/members.ts'
import { getField, type PageContext } from '../../context.ts'
import { SITES_PATH, SOURCES_PATH } from '../../navigation.ts'

/** The settings of an OAuth client as text, by member: of the stored client, or as the user typed them. */
export type ClientFormValues = Readonly<Record<string, string>>

/** Lists the settings as the operation defines them. */
const listClientMembers = (): Member[] =>
  listMembers(getOperation('keys.create'))
    .filter(({ name }) => name === 'oauthClient')
    .flatMap(listMemberParts)

/** The settings of a client that signs assertions. */
const ASSERTION_MEMBERS = ['jwksUrl', 'jwks', 'repeatedAssertions']

/** Lists the settings that an existing client has and may change. */
const listEditableMembers = ({ oauthClient }: Pick<KeySummary, 'oauthClient'>): Member[] =>
  listClientMembers().filter(
    ({ name }) =>
      name !== 'authenticationMethod' &&
      !(hasSecret({ oauthClient }) && ASSERTION_MEMBERS.includes(name)),
  )

/** Lists the label of each setting by its name. */
export const listClientLabels = (): ReadonlyMap<string, string> =>
  new Map(listClientMembers().map((member) => [member.name, formatMemberLabel(member)]))

export const toClientFormValues = (client: OAuthClient): ClientFormValues =>
  Object.fromEntries(
    listClientMembers().map(({ name }) => {
      const value = client[name as keyof OAuthClient]
      return [name, Array.isArray(value) ? value.join(' ') : String(value ?? '')]
    }),
  )

/** Reads the settings as they were typed. A list has a field, or a checkbox for each of its values. */
export const getClientFormValues = (context: PageContext): ClientFormValues =>
  Object.fromEntries(
    listClientMembers().map(({ name, schema }) => [
      name,
      schema.type === 'array'
        ? splitList(context.input.getAll(name).join(' ')).join(' ')
        : getField(context, name),
    ]),
  )

const splitList = (text: string): string[] => text.split(/[\s,]+/).filter((item) => item !== '')

/** Converts the typed settings to input of the service. `client`: the one that is edited; null for a new one. */
export function parseClientForm(
  values: ClientFormValues,
  client: Pick<KeySummary, 'oauthClient'> | null,
): OAuthClientInput {
  const members = client === null ? listClientMembers() : listEditableMembers(client)
  const settings = members.flatMap(({ name, schema }): [string, unknown][] => {
    const text = values[name] ?? ''
    if (schema.type === 'array') return [[name, splitList(text)]]
    if (schema.type?.includes('null')) return [[name, text === '' ? null : text]]
    if (text === '') return []
    return [[name, schema.type === 'integer' ? Number(text) : text]]
  })
  // The service validates each of them.
  return Object.fromEntries(settings) as OAuthClientInput
}

/** Renders a field for each setting. `client`: the one that is edited; null for a new one. */
export async function clientFields(
  context: PageContext,
  values: ClientFormValues,
  accountId: string,
  client: Pick<KeySummary, 'oauthClient'> | null,
): Promise<Html> {
  const { sources, sites } = context.services
  const page = { accountId, limit: PICKER_ROW_LIMIT }
  const [sourceRows, siteRows] = await Promise.all([sources.list(page), sites.list(page)])
  const options = { sourceIds: toPickerOptions(sourceRows), siteIds: toPickerOptions(siteRows) }
  const members = client === null ? listClientMembers() : listEditableMembers(client)
  return html`${members.map((member) => {
    const { name, schema } = member
    const value = values[name] || String(schema.default ?? '')
    if (name !== 'sourceIds' && name !== 'siteIds') return memberField(member, value)
    const choices = options[name]
    // Too many to choose from: their ids are typed.
    if (choices === null) return memberField(member, value)
    return choices.length === 0
      ? nothing
      : checkboxGroup({
          name,
          legend: formatMemberLabel(member),
          hint: toSentence((schema.description ?? '').replace('Ids of the', 'The')),
          values: splitList(value),
          choices,
        })
  })}`
}

/** Lists the settings of a client that have a value, and its last refused assertion. */
export async function loadClientRows(
  { services }: PageContext,
  { oauthClient }: KeySummary,
): Promise<(readonly [string, Html | string])[]> {
  if (oauthClient === null) return []
  const { sourceIds, siteIds, jwks, lastRefusal } = oauthClient
  const [sources, sites] = await Promise.all([
    Promise.all(sourceIds.map((id) => services.sources.find(id))),
    Promise.all(siteIds.map((id) => services.sites.find(id))),
  ])
  const links = {
    sourceIds: sources.flatMap((row) => (row.ok ? [resourceLink(SOURCES_PATH, row.value)] : [])),
    siteIds: sites.flatMap((row) => (row.ok ? [resourceLink(SITES_PATH, row.value)] : [])),
    jwks: jwks === null ? [] : ['pasted'],
    scopes: oauthClient.scopes.map((scope) => html`<code>${scope}</code>`),
  }
  const rows = listClientMembers().flatMap((member): (readonly [string, Html | string])[] => {
    const label = formatMemberLabel(member)
    const listed = links[member.name as keyof typeof links]
    if (listed !== undefined) return listed.length === 0 ? [] : [[label, joinHtml(listed)]]
    const value = oauthClient[member.name as keyof OAuthClient]
    return value === null ? [] : [[label, formatMember(member, value, null)]]
  })
  return lastRefusal === null
    ? rows
    : [...rows, ['Last refused assertion', html`${exactTime(lastRefusal.at)}: ${lastRefusal.why}`]]
}

const resourceLink = (path: string, { id, name }: { readonly id: string; readonly name: string }) =>
  html`<a href="${path}/${id}">${name}</a>`

const joinHtml = (items: readonly (Html | string)[]): Html =>
  html`${items.map((item, n) => html`${n === 0 ? nothing : ', '}${item}`)}`
