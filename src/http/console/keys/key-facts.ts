import { html } from 'hono/html'
import type { KeySummary } from '../../../service/ports.ts'
import { type Html, nothing } from '../parts/html.ts'
import { instant, moment } from '../parts/time.ts'
import { copyable, facts } from '../parts/words.ts'
import type { Visit } from '../visit.ts'
import { ACCESS_WORDS, DIALECT_WORDS, PARTY_WORDS } from './words.ts'

type Fact = readonly [string, Html | string]

/** What is known of a key; what it does not have is left out. */
export async function factsOfKey(visit: Visit, key: KeySummary): Promise<Html> {
  const { desk, now } = visit
  const { ownerId, accountId, lastUsedAt, expiresAt } = key
  const [owner, account, places] = await Promise.all([
    desk.accounts.findUser(ownerId),
    desk.accounts.find(accountId),
    placesOf(visit, key),
  ])
  const at = (name: string, when: number | null, more = ''): Fact[] =>
    when === null
      ? []
      : [
          [
            name,
            html`${instant(when)} <span class="soft small">(${moment(when, now)})</span>${more}`,
          ],
        ]
  // What is revoked has ended already.
  const living = (told: Fact[]) => (key.revokedAt === null ? told : [])
  return facts([
    ['Dialect', DIALECT_WORDS[key.dialect].name],
    ['Public id', copyable(key.publicId, 'the public id')],
    ...(key.publicId === key.id
      ? []
      : [['Id in the API', copyable(key.id, 'the id in the API')] as const]),
    ['Owner', owner.ok ? ownerOf(owner.value) : ownerId],
    ...(account.ok ? [['Account', account.value.name] as const] : []),
    ...places,
    ['Access', ACCESS_WORDS[key.access]],
    ...(key.reference === '' ? [] : [['Reference', key.reference] as const]),
    ['Last used', lastUsedAt === null ? 'never' : moment(lastUsedAt, now)],
    ...at('Created', key.createdAt),
    ...(expiresAt === null ? living([['Expires', 'never']]) : at('Expires', expiresAt)),
    ...at('Secret replaced', key.secretReplacedAt),
    ...at('Old secret ends', key.previousSecretEndsAt),
    ...at('Assigned', key.assignedAt),
    ...at('Disabled', key.disabledAt, `, by ${PARTY_WORDS[key.disabledBy ?? 'operator']}`),
    ...at('Revoked', key.revokedAt),
  ])
}

const ownerOf = ({
  email,
  username,
  leftAt,
}: {
  email: string
  username: string | null
  leftAt: number | null
}): Html =>
  html`${email}${username === null ? nothing : html` <span class="soft small">(${username})</span>`}${
    leftAt === null ? nothing : ', who has left'
  }`

/** What it belongs to. The name of another account's office is not in sight, its id is. */
async function placesOf({ desk }: Visit, key: KeySummary): Promise<Fact[]> {
  const { sourceId, siteId, developerId } = key
  const facts: Fact[] = []
  if (sourceId !== null) {
    const source = await desk.routes.findSource(sourceId)
    facts.push(['Source', source.ok ? source.value.name : sourceId])
  }
  if (developerId !== null) {
    const developer = await desk.places.findDeveloper(developerId)
    facts.push(['Developer', developer.ok ? developer.value.name : developerId])
    if (developer.ok) {
      facts.push(['Developer key', copyable(developer.value.developerKey, 'the developer key')])
    }
  }
  if (siteId !== null) {
    const site = await desk.places.findSite(siteId)
    facts.push(['Site', site.ok ? site.value.name : siteId])
  }
  return facts
}
