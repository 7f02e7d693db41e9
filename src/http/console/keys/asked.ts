import { DIALECT_NAMES } from '../../../domain/dialect.ts'
import type { KeyStatus } from '../../../domain/key.ts'
import type { KeyOrder, KeyQuestions } from '../../../service/ports/lists.ts'
import { optional, optionalId, text, type Visit } from '../visit.ts'
import { findPerson } from './owners.ts'
import { KEYS } from './paths.ts'

const DAY_MS = 86_400_000
const UNUSED_DAYS = 90
const SOON_DAYS = 30

export const STATUSES: readonly KeyStatus[] = ['enabled', 'disabled', 'revoked']

/** What one may look for beside a key's own facts. */
export const CARES = {
  unused: `Not used for ${UNUSED_DAYS} days`,
  expiring: `Expires within ${SOON_DAYS} days`,
  'owner-left': 'Owner has left',
} as const

export const ORDERS: Readonly<Record<KeyOrder, string>> = {
  newest: 'Newest first',
  oldest: 'Oldest first',
  name: 'By name',
  lastUsed: 'Last used first',
  leastUsed: 'Longest unused first',
  expiry: 'Soonest to expire first',
}

/** One of a closed list, or nothing: what an address bar says beside it is not asked. */
const oneOf = <T extends string>(among: readonly T[], given: string | undefined): T | undefined =>
  among.find((known) => known === given)

export interface Asked {
  readonly questions: KeyQuestions
  readonly order: KeyOrder
  readonly after: string | undefined
  readonly care: keyof typeof CARES | undefined
  /** As it was typed; its person is in the questions, or there is none. */
  readonly owner: string
  /** Whether anything narrows the list. */
  readonly narrowed: boolean
}

/** What the address of the list asks for. */
export async function askedBy(visit: Visit): Promise<Asked> {
  const { now } = visit
  const care = oneOf(Object.keys(CARES) as (keyof typeof CARES)[], text(visit, 'care'))
  const owner = text(visit, 'owner')
  const person = owner === '' ? null : await findPerson(visit, owner)
  const narrowing = {
    text: optional(visit, 'q'),
    dialect: oneOf(DIALECT_NAMES, text(visit, 'dialect')),
    status: oneOf(STATUSES, text(visit, 'status')),
    siteId: optionalId(visit, 'site'),
    // Nobody is called so: then nothing is his.
    ownerId: owner === '' ? undefined : (person?.id ?? owner),
    developerId: optionalId(visit, 'developer'),
    ...(care === 'unused' && { unusedSince: now - UNUSED_DAYS * DAY_MS }),
    ...(care === 'expiring' && { expires: { now, before: now + SOON_DAYS * DAY_MS } }),
    ...(care === 'owner-left' && { ownerLeft: true }),
  }
  return {
    questions: narrowing,
    order: oneOf(Object.keys(ORDERS) as KeyOrder[], text(visit, 'sort')) ?? 'newest',
    after: optional(visit, 'after'),
    care,
    owner: person?.email ?? owner,
    narrowed: Object.values(narrowing).some((value) => value !== undefined),
  }
}

/** The same list, but for this. From its first page on, unless a page is named. */
export function listHref(visit: Visit, change: Readonly<Record<string, string>>): string {
  const query = new URLSearchParams()
  for (const [name, value] of visit.given) {
    if (value !== '' && name !== 'after' && name !== 'said') query.set(name, value)
  }
  for (const [name, value] of Object.entries(change)) query.set(name, value)
  const asked = query.toString()
  return asked === '' ? KEYS : `${KEYS}?${asked}`
}
