import type { Dialect } from '../../../domain/dialect.ts'
import { type Access, hasOverlap, type Party } from '../../../domain/key.ts'
import type { KeySummary } from '../../../service/ports.ts'
import { day } from '../parts/time.ts'
import type { Tone } from '../parts/words.ts'

/** A dialect as people call it, and what its keys are like. */
export const DIALECT_WORDS: Readonly<Record<Dialect, { name: string; means: string }>> = {
  redox: {
    name: 'Redox',
    means:
      'A key and its secret are exchanged for tokens. For one source. The secret is shown once.',
  },
  xenrad: {
    name: 'Xenrad',
    means: 'Opens FHIR, HL7 and MPPS of one site. Sent with every request. Shown once.',
  },
  opendental: {
    name: 'Open Dental, customer',
    means:
      'Opens one office’s data under a developer’s key, once it is assigned to the office. Can be viewed again.',
  },
  'opendental-portal': {
    name: 'Open Dental, portal',
    means: 'A developer’s own: opens the list of their customer keys, and no data. Shown once.',
  },
  xdent: {
    name: 'XDENT',
    means: 'Key id and secret in one header, for the whole account. Shown once.',
  },
  practice: {
    name: 'Practice',
    means:
      'Sent after its owner’s username, and may do all that the owner may. Can be viewed again.',
  },
}

export const ACCESS_WORDS: Readonly<Record<Access, string>> = {
  read: 'Reads only',
  standard: 'Reads and writes',
  enterprise: 'Reads and writes, at the enterprise pace',
}

export const PARTY_WORDS: Readonly<Record<Party, string>> = {
  developer: 'its developer',
  customer: 'its customer',
  operator: 'an operator',
}

export interface Standing {
  readonly text: string
  readonly tone: Tone
}

const SOON_MS = 30 * 86_400_000

/** Whether it works, and whatever else one should look at: what is worst comes first. */
export function standingsOf(key: KeySummary, ownerLeftAt: number | null, now: number): Standing[] {
  if (key.status === 'revoked') return [{ text: 'Revoked', tone: 'bad' }]
  const { expiresAt } = key
  const told: Standing[] = []
  const tell = (is: boolean, text: string, tone: Tone) => {
    if (is) told.push({ text, tone })
  }
  const expired = expiresAt !== null && expiresAt <= now
  tell(
    key.status === 'disabled',
    `Disabled by ${PARTY_WORDS[key.disabledBy ?? 'operator']}`,
    'warn',
  )
  tell(expired, 'Expired', 'bad')
  tell(key.dialect === 'opendental' && key.assignedAt === null, 'Not assigned', 'warn')
  tell(told.length === 0, 'Enabled', 'good')
  const soon = expiresAt !== null && !expired && expiresAt - now < SOON_MS
  tell(soon, `Expires ${day(expiresAt ?? 0)}`, 'warn')
  tell(ownerLeftAt !== null, 'Owner has left', 'warn')
  tell(hasOverlap(key, now), 'Two secrets work', 'plain')
  return told
}
