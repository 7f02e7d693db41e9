import type { AuditEvent, Facts } from '../../../service/ports.ts'
import type { Tone } from '../parts/words.ts'
import { KEYS } from './told/keys.ts'
import { PEOPLE } from './told/people.ts'
import { PLACES } from './told/places.ts'
import { ROUTES } from './told/routes.ts'
import type { Telling } from './told/telling.ts'

type Told = Pick<AuditEvent, 'action' | 'facts'>

const TOLD: ReadonlyMap<string, Telling> = new Map<string, Telling>(
  Object.entries({ ...KEYS, ...PEOPLE, ...ROUTES, ...PLACES }),
)

/** What can have happened, by the names that the audit has for it. */
export const ACTIONS: readonly string[] = [...TOLD.keys()].sort()

/** What happened, as a sentence. `nameOf`: what people call the row with this id. */
export function sentenceOf({ action, facts }: Told, nameOf = (id: string) => id): string {
  // (Another version of this program may have written it.)
  const says = TOLD.get(action)?.[1] ?? `${action}.`
  const text = typeof says === 'string' ? says : says(withNames(facts, nameOf))
  const { count } = facts
  return typeof count === 'number' ? `${text} (${count.toLocaleString('en')} times)` : text
}

/** `Key secret rotated`: the name of what happened, as people read it. */
export function titleOf(action: string): string {
  const words = action.replace(/[._]/g, ' ')
  return `${words.charAt(0).toUpperCase()}${words.slice(1)}`
}

/** What a sentence adds to the title; nothing where it only says it again. */
export function detailOf(event: Told, nameOf?: (id: string) => string): string {
  const text = sentenceOf(event, nameOf)
  const bare = text.replace(/^The | was |\.$/g, ' ').trim()
  return bare === titleOf(event.action).toLowerCase() ? '' : text
}

/** How it is to be taken: `bad` is for what was refused or lost. */
export const toneOf = ({ action }: Pick<AuditEvent, 'action'>): Tone =>
  TOLD.get(action)?.[0] ?? 'plain'

const withNames = (facts: Facts, nameOf: (id: string) => string): Facts =>
  Object.fromEntries(
    Object.entries(facts).map(([fact, value]) =>
      fact.endsWith('Id') && typeof value === 'string' ? [fact, nameOf(value)] : [fact, value],
    ),
  )
