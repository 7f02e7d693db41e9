import { html } from 'hono/html'
import { mayHoldKeys } from '../../../domain/key.ts'
import type { Revealed } from '../../../service/keys/find.ts'
import type { Refusal } from '../../../service/operator.ts'
import type { Developer } from '../../../service/ports.ts'
import { page } from '../answer.ts'
import type { Area } from '../area.ts'
import { field, form, hidden, link, select, submit } from '../parts/form.ts'
import { reveal } from '../parts/reveal.ts'
import { empty, refused } from '../parts/words.ts'
import { problem } from '../problem.ts'
import { messageOf, statusOf } from '../refusal.ts'
import { optional, part, text, type Visit } from '../visit.ts'
import { ABOVE_DEVELOPERS, DEVELOPERS } from './paths.ts'

export interface PortalKeyDeps {
  /** A new row id, for a form to carry: sent twice, it makes one key. */
  readonly uuid: () => string
}

const OWNERS = 200

/** The key by which a developer's program makes and lists the keys of his customers. */
export function mountPortalKey(area: Area, { uuid }: PortalKeyDeps): void {
  const HERE = `${DEVELOPERS}/:id/portal-key`

  area.show(`${HERE}/new`, 'keys.write', (visit) =>
    withDeveloper(visit, (developer) => ask(visit, developer, uuid(), null)),
  )
  area.act(`${HERE}/new`, 'keys.write', (visit) =>
    withDeveloper(visit, async (developer) => {
      const id = optional(visit, 'key') ?? uuid()
      const made = await visit.desk.keys.create({
        id,
        dialect: 'opendental-portal',
        developerId: developer.id,
        ownerId: text(visit, 'owner'),
        name: text(visit, 'name'),
      })
      return made.ok ? shown(visit, developer, made.value) : ask(visit, developer, id, made.failure)
    }),
  )

  area.show(`${HERE}/:key/rotate`, 'keys.write', (visit) =>
    withDeveloper(visit, (developer) => confirm(visit, developer, null)),
  )
  area.act(`${HERE}/:key/rotate`, 'keys.write', (visit) =>
    withDeveloper(visit, async (developer) => {
      const wish = { seen: text(visit, 'seen') }
      const rotated = await visit.desk.keys.rotateSecret(part(visit, 'key'), wish)
      return rotated.ok
        ? shown(visit, developer, rotated.value)
        : confirm(visit, developer, rotated.failure)
    }),
  )
}

async function withDeveloper(
  visit: Visit,
  screen: (developer: Developer) => Promise<Response>,
): Promise<Response> {
  const found = await visit.desk.places.findDeveloper(part(visit, 'id'))
  return found.ok ? screen(found.value) : problem(visit.c, visit.caller, 'not_found')
}

const crumbsTo = ({ id, name }: Developer) => [
  ...ABOVE_DEVELOPERS,
  { href: `${DEVELOPERS}/${id}`, text: name },
]

async function ask(
  visit: Visit,
  developer: Developer,
  keyId: string,
  refusal: Refusal | null,
): Promise<Response> {
  const { id, accountId, name } = developer
  const people = await visit.desk.accounts.listUsers({ accountId, limit: OWNERS })
  const owners = people.filter(({ role, leftAt }) => mayHoldKeys(role) && leftAt === null)
  const head = { title: 'Make a key for the portal', crumbs: crumbsTo(developer) }
  if (owners.length === 0) {
    const add = link('/console/people/new', 'Add a person', 'primary')
    const why =
      'A key belongs to an engineer or an administrator of the account, who answers for it.'
    return page(visit, head, empty('Nobody can own it', why, add))
  }
  const body = html`${refused(messageOf(refusal))}<section class="card">${form(
    visit.formToken,
    `${DEVELOPERS}/${id}/portal-key/new`,
    html`${hidden('key', keyId)}
      ${field({ name: 'name', label: 'Name', value: refusal === null ? `${name} portal` : text(visit, 'name'), required: true })}
      ${select({
        name: 'owner',
        label: 'Owner',
        value: text(visit, 'owner'),
        hint: 'Who answers for it, and for the customer keys that it makes.',
        choices: owners.map((user) => ({ value: user.id, text: `${user.email}, ${user.role}` })),
      })}
      <div class="row">${submit('Make the key')}${link(`${DEVELOPERS}/${id}`, 'Cancel', 'quiet')}</div>`,
  )}</section>`
  return page(visit, head, body, statusOf(refusal))
}

async function confirm(
  visit: Visit,
  developer: Developer,
  refusal: Refusal | null,
): Promise<Response> {
  const found = await visit.desk.keys.find(part(visit, 'key'))
  const isHis =
    found.ok &&
    found.value.developerId === developer.id &&
    found.value.dialect === 'opendental-portal'
  if (!isHis) return problem(visit.c, visit.caller, 'not_found')
  const { id, name, eventId } = found.value
  const here = `${DEVELOPERS}/${developer.id}`
  const body = html`${refused(messageOf(refusal))}<section class="card">
    <p class="prose">${name} gets a new secret, which is shown once. The old one is refused from the next request on: the developer’s program makes and lists no customer keys until it has the new one. Customer keys go on working.</p>
    ${form(
      visit.formToken,
      `${here}/portal-key/${id}/rotate`,
      html`${hidden('seen', eventId)}
        <div class="row">${submit('Rotate it now', 'danger primary')}${link(`/console/keys/${id}/rotate`, 'Let both work for a while')}${link(here, 'Cancel', 'quiet')}</div>`,
    )}</section>`
  const crumbs = crumbsTo(developer)
  return page(visit, { title: `Rotate ${name}?`, crumbs }, body, statusOf(refusal))
}

const shown = (visit: Visit, developer: Developer, { key, secret }: Revealed): Promise<Response> =>
  page(
    visit,
    { title: key.name, crumbs: crumbsTo(developer) },
    reveal({
      title: 'The key for the portal',
      text: html`The developer’s program sends it after the developer key. It makes and lists keys of customers: keep it as you keep those. It is not shown again.`,
      secrets: [
        { name: 'developer key', value: developer.developerKey },
        { name: 'portal key', value: secret },
      ],
      file: 'latchkey-portal-key.txt',
      next: `${DEVELOPERS}/${developer.id}`,
      acknowledge: 'I have put the key where it belongs',
    }),
  )
