import { DAY_MS } from '../../../../domain/instant.ts'
import {
  type AccessLevel,
  type DisablingParty,
  isPreviousSecretValid,
} from '../../../../domain/key.ts'
import type { KeyType } from '../../../../domain/key-type.ts'
import type { KeySummary } from '../../../../service/ports/keys.ts'
import { formatDay, type Tone } from '../../components/html.ts'
import { getPathId, type PageContext } from '../../context.ts'
import { renderError } from '../../errors.ts'
import type { PageHandler } from '../../router.ts'

/** The names of key types, and what their keys are like. */
export const KEY_TYPE_LABELS: Readonly<Record<KeyType, { name: string; description: string }>> = {
  redox: {
    name: 'Redox',
    description:
      'For one source. The key and its secret are exchanged for tokens. The secret is shown once.',
  },
  xenrad: {
    name: 'Xenrad',
    description:
      'For FHIR, HL7 and MPPS of one site. The secret is sent with every request and shown once.',
  },
  opendental: {
    name: 'Open Dental, customer',
    description:
      'For the data of one office, once the key is assigned to it. Sent with a developer key. The secret can be viewed again.',
  },
  'opendental-portal': {
    name: 'Open Dental, portal',
    description:
      'For a developer’s list of customer keys, without access to data. The secret is shown once.',
  },
  xdent: {
    name: 'XDENT',
    description:
      'For the whole account. Key id and secret are sent in one header. The secret is shown once.',
  },
  practice: {
    name: 'Practice',
    description:
      'Sent with the username of its owner and has the owner’s permissions. The secret can be viewed again.',
  },
  oauth: {
    name: 'OAuth client',
    description:
      'Standard OAuth: for the sources, sites and scopes that you choose. It signs assertions with a key of its own, or has a secret that is shown once.',
  },
}

export const ACCESS_LEVEL_LABELS: Readonly<Record<AccessLevel, string>> = {
  read: 'Read only',
  standard: 'Read and write',
  enterprise: 'Read and write, with the enterprise rate limit',
}

export const DISABLING_PARTY_LABELS: Readonly<Record<DisablingParty, string>> = {
  developer: 'its developer',
  customer: 'its customer',
  operator: 'an operator',
}

interface KeyBadge {
  readonly text: string
  readonly tone: Tone
}

const EXPIRY_WARNING_MS = 30 * DAY_MS

/** Lists whether a key is usable, and what needs attention, the most serious first. */
export function listKeyBadges(
  key: KeySummary,
  ownerDeactivatedAt: number | null,
  now: number,
): KeyBadge[] {
  if (key.status === 'revoked') return [{ text: 'Revoked', tone: 'bad' }]
  const { expiresAt } = key
  const badges: KeyBadge[] = []
  const addIf = (condition: boolean, text: string, tone: Tone) => {
    if (condition) badges.push({ text, tone })
  }
  const isExpired = expiresAt !== null && expiresAt <= now
  addIf(
    key.status === 'disabled',
    `Disabled by ${DISABLING_PARTY_LABELS[key.disabledBy ?? 'operator']}`,
    'warn',
  )
  addIf(isExpired, 'Expired', 'bad')
  addIf(key.keyType === 'opendental' && key.assignedAt === null, 'Not assigned', 'warn')
  addIf(badges.length === 0, 'Enabled', 'good')
  const expiresSoon = expiresAt !== null && !isExpired && expiresAt - now < EXPIRY_WARNING_MS
  addIf(expiresSoon, `Expires ${formatDay(expiresAt ?? 0)}`, 'warn')
  addIf(ownerDeactivatedAt !== null, 'Owner deactivated', 'warn')
  addIf(isPreviousSecretValid(key, now), 'Two secrets valid', 'plain')
  return badges
}

/** Passes the key that the path names to a handler; a key that the user cannot see is not found. */
export const withKey =
  (handler: (context: PageContext, key: KeySummary) => Promise<Response> | Response): PageHandler =>
  async (context) => {
    const found = await context.services.keys.find(getPathId(context))
    return found.ok
      ? handler(context, found.value)
      : renderError(context.c, context.caller, 'not_found')
  }

/** Tells whether a form was rendered from an older state of the key. A revoked key changes no more. */
export const isChangedSince = ({ status, eventId }: KeySummary, seen: string): boolean =>
  status !== 'revoked' && eventId !== seen

export interface KeyPageDeps {
  /** The URL at which vendors reach this server. */
  readonly publicUrl: string
  /** Creates the row id that a form of a new key carries. */
  readonly uuid: () => string
}
