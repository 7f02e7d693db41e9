import { html } from 'hono/html'
import { explainRefusal } from '../../../domain/refusal.ts'
import type { Desk } from '../../../service/desk.ts'
import type { RecordedEvent } from '../../../service/ports.ts'
import { link } from '../parts/form.ts'
import type { Html } from '../parts/html.ts'
import { type Happening, timeline } from '../parts/list.ts'
import { exact, moment } from '../parts/time.ts'
import { badge } from '../parts/words.ts'
import type { Visit } from '../visit.ts'
import { PARTY_WORDS } from './words.ts'

const SHOWN = 20

/** What happened to a key, in words, the newest first. */
export async function history(visit: Visit, keyId: string): Promise<Html> {
  const events = await visit.desk.audit.list({
    ...{ subject: keyId, actionPrefix: 'key.', limit: SHOWN },
  })
  const names = await namesOf(visit.desk, events)
  return html`${
    events.length === 0
      ? html`<p class="soft">Nothing is recorded of it.</p>`
      : timeline(events.map((event) => happening(event, names, visit.now)))
  }${
    events.length < SHOWN
      ? html``
      : html`<p>${link(`/console/audit?subject=${encodeURIComponent(keyId)}`, 'All of it in the audit', 'compact')}</p>`
  }`
}

function happening(
  event: RecordedEvent,
  names: ReadonlyMap<string, string>,
  now: number,
): Happening {
  const { title, tone, text } = inWords(event)
  const by = `by ${names.get(event.actor) ?? event.actor}`
  const isRefusal = event.action === 'key.refused'
  return {
    ...{ title, tone, when: moment(event.at, now) },
    text: [text, isRefusal ? '' : by].filter((part) => part !== '').join(', '),
  }
}

/** What one event did, without who and when. */
export function inWords({ action, facts }: Pick<RecordedEvent, 'action' | 'facts'>): {
  readonly title: Html | string
  readonly tone: NonNullable<Happening['tone']>
  readonly text: string
} {
  const told = (
    title: Html | string,
    tone: NonNullable<Happening['tone']> = 'plain',
    text = '',
  ) => ({
    ...{ title, tone, text },
  })
  switch (action) {
    case 'key.created':
      return told('Created', 'good')
    case 'key.edited':
      return told('Changed', 'plain', Object.keys(facts).map(fieldName).join(', '))
    case 'key.transferred':
      return told('Given to another owner')
    case 'key.enabled':
      return told('Enabled', 'good')
    case 'key.disabled': {
      const by = Object.entries(PARTY_WORDS).find(([party]) => party === facts.by)
      return told('Disabled', 'warn', by === undefined ? '' : `for ${by[1]}`)
    }
    case 'key.secret_rotated': {
      const { overlapEndsAt: until } = facts
      return told(
        'Secret rotated',
        'plain',
        typeof until === 'number' ? `the old one until ${exact(until)}` : 'the old one ended',
      )
    }
    case 'key.viewed':
      return told('Secret viewed')
    case 'key.assigned':
      return told('Assigned to an office', 'good')
    case 'key.unassigned':
      return told('Taken back from its office', 'warn')
    case 'key.revoked':
      return told('Revoked', 'bad')
    case 'key.refused': {
      const count = Number(facts.count ?? 1)
      return told(
        html`Refused ${count > 1 ? badge(`${count} times`) : ''}`,
        'bad',
        explainRefusal(facts).sentence,
      )
    }
    default:
      return told(action)
  }
}

const FIELDS: Readonly<Record<string, string>> = {
  expiresAt: 'its end',
  ownerId: 'its owner',
}
const fieldName = (field: string) => FIELDS[field] ?? field

/** Those who acted, as people call them. One who is out of sight stays an id. */
export async function namesOf(
  { accounts, keys }: Pick<Desk, 'accounts' | 'keys'>,
  events: readonly Pick<RecordedEvent, 'actor'>[],
): Promise<ReadonlyMap<string, string>> {
  const actors = [...new Set(events.map(({ actor }) => actor))]
  const named = actors.map(async (actor): Promise<[string, string]> => {
    if (actor === 'operator') return [actor, 'who has the machine']
    const user = await accounts.findUser(actor)
    if (user.ok) return [actor, user.value.email]
    const key = await keys.find(actor)
    return [actor, key.ok ? `the key ${key.value.name}` : actor]
  })
  return new Map(await Promise.all(named))
}
