import type { Failure, SurfaceRefusal } from './failure.ts'

/** The facts of a refusal, as the audit stores them. */
export type RefusalFacts = Readonly<Record<string, string | number | boolean | null>>

/** The description of a failure reason for the operator. */
interface RefusalText<Facts extends Failure | SurfaceRefusal> {
  /**
   * The facts that are stored: only this server's own words and ids. A value that the caller typed may
   * be a secret in the wrong field.
   */
  readonly keeps: readonly Exclude<keyof Facts, 'reason'>[]
  /** Describes what happened, as a sentence. */
  readonly says: (facts: RefusalFacts) => string
  /** Describes what to do. */
  readonly helps: (facts: RefusalFacts) => string
}

const askCaller = (what: string) => () => `Ask the caller to ${what}.`

/** The credential that each surface requires with every request. Other surfaces require a token. */
const CREDENTIAL_INSTRUCTIONS = new Map([
  ['xenrad', 'send its key in one header: X-API-Key'],
  ['opendental', 'send one Authorization header: ODFHIR, the developer key, a slash and its key'],
  ['xdent', 'send KeyId.Secret in one header: X-Api-Key'],
  ['practice', 'send its username and key by HTTP Basic'],
  ['forward-auth', 'send the credential of its key type'],
])

/** A reason without an entry does not compile. */
const FAILURE_TEXTS = {
  body_too_large: {
    keeps: ['limitBytes'],
    says: ({ limitBytes }) => `The body was longer than ${limitBytes} bytes.`,
    helps: () => 'LATCHKEY_MESSAGE_LIMIT_BYTES raises the limit of messages.',
  },
  body_unreadable: {
    keeps: ['detail'],
    says: ({ detail }) => `The body cannot be read: ${detail}.`,
    helps: askCaller('send what the documentation shows'),
  },
  member_repeated: {
    keeps: [],
    says: () => 'One member of the JSON body was there twice, so that two readers could differ.',
    helps: askCaller('send each member once'),
  },
  field_missing: {
    keeps: ['field'],
    says: ({ field }) => `The field ${field} is missing.`,
    helps: askCaller('add it'),
  },
  field_invalid: {
    keeps: ['field', 'detail'],
    says: ({ field, detail }) => `The field ${field} ${detail}.`,
    helps: askCaller('correct it'),
  },
  credential_missing: {
    keeps: [],
    says: ({ surface }) =>
      CREDENTIAL_INSTRUCTIONS.has(String(surface))
        ? 'The request carried no credential.'
        : 'The request carried no access token.',
    helps: ({ surface }) =>
      `Ask the caller to ${CREDENTIAL_INSTRUCTIONS.get(String(surface)) ?? 'exchange its key and secret for one first'}.`,
  },
  credential_malformed: {
    keeps: ['detail'],
    says: ({ detail }) => `The credential cannot be read: ${detail}.`,
    helps: ({ surface }) =>
      `Ask the caller to ${CREDENTIAL_INSTRUCTIONS.get(String(surface)) ?? 'send one Authorization header: Bearer and the access token'}.`,
  },
  key_unknown: {
    keeps: [],
    says: () =>
      'No key of this region has the id that was given. (What was typed is not kept: it may be a secret.)',
    helps: () => '`latchkey keys list` shows the ids that there are.',
  },
  secret_missing: {
    keeps: ['keyId'],
    says: () => 'The id of a key came without its secret.',
    helps: askCaller('send both'),
  },
  secret_wrong: {
    keeps: ['keyId'],
    says: () => 'The key is known, the secret is not its secret.',
    helps: ({ keyId }) =>
      `If it is lost: \`latchkey keys rotate-secret ${keyId}\` makes a new one.`,
  },
  token_forged: {
    keeps: ['detail'],
    says: ({ detail }) => `The token is not one that this server made: ${detail}.`,
    helps: askCaller('exchange its key and secret again'),
  },
  token_expired: {
    keeps: ['keyId'],
    says: () => 'The token is genuine, but its time is over.',
    helps: askCaller('refresh it, or exchange its key and secret again'),
  },
  token_from_future: {
    keeps: ['keyId'],
    says: () => 'The token is genuine, but a server with a fast clock issued it.',
    helps: () =>
      'Keep the clock of every server right by NTP; `latchkey doctor` checks it. The client must refresh its ' +
      'token, or exchange its key and secret again.',
  },
  token_superseded: {
    keeps: ['keyId'],
    says: () => 'The token was issued before the secret of its key was replaced, which ended it.',
    helps: askCaller('exchange its key and its new secret'),
  },
  grant_revoked: {
    keeps: ['keyId', 'grantId'],
    says: () => 'The token is of a family that was revoked.',
    helps: ({ grantId }) => `\`latchkey audit list --subject ${grantId}\` shows why.`,
  },
  refresh_outdated: {
    keeps: ['keyId', 'grantId', 'generation'],
    says: ({ generation }) =>
      `The refresh token of generation ${generation} came after two newer ones were issued, within the leeway of ` +
      'the last rotation. It was refused; its family was not revoked.',
    helps: () =>
      'Several workers of the client refresh at once, or one of its requests arrived late: the client must ' +
      'use its newest token.',
  },
  refresh_reused: {
    keeps: ['keyId', 'grantId', 'generation'],
    says: () =>
      'A refresh token was presented again after its successor was in use: two parties hold it. ' +
      'The whole family was revoked.',
    helps: ({ keyId }) =>
      `If a thief may hold it: \`latchkey keys rotate-secret ${keyId}\`. ` +
      'If the client only ran twice: it exchanges its secret again.',
  },
  key_disabled: {
    keeps: ['keyId'],
    says: () => 'The key is disabled.',
    helps: ({ keyId }) => `\`latchkey keys enable ${keyId}\` lets it in again.`,
  },
  key_revoked: {
    keeps: ['keyId'],
    says: () => 'The key was revoked, for ever.',
    helps: () => '`latchkey keys create` makes another one.',
  },
  key_expired: {
    keeps: ['keyId'],
    says: () => 'The key has reached its end.',
    helps: () => '`latchkey keys create` makes another one.',
  },
  account_closed: {
    keeps: ['keyId'],
    says: () => 'The account of the key is closed.',
    helps: () => '`latchkey accounts reopen <id>` opens it again.',
  },
  key_unassigned: {
    keeps: ['keyId'],
    says: () => 'The key was made, but no office has taken it into use yet.',
    helps: () => 'The office must assign it first.',
  },
  address_refused: {
    keeps: ['keyId', 'address'],
    says: ({ address }) => `The account of the key lets nobody in from ${address}.`,
    helps: () => 'If that is where it belongs: an address rule of the account must name it.',
  },
  permission_missing: {
    keeps: ['keyId', 'detail'],
    says: ({ detail }) => `The key does not open this: ${detail}.`,
    helps: ({ keyId }) => `\`latchkey keys show ${keyId}\` shows what it opens.`,
  },
  region_other: {
    keeps: ['keyId', 'region'],
    says: ({ region }) =>
      `The account of the key belongs to the region ${region}, not to this one.`,
    helps: ({ region }) =>
      `The caller must use the server of ${region}; LATCHKEY_REGION names this one.`,
  },
  event_unknown: {
    keeps: [],
    says: () => 'The catalogue has no such data model, or no such event of it.',
    helps: askCaller('correct Meta.DataModel and Meta.EventType'),
  },
  source_required: {
    keeps: [],
    says: () => 'The account has several keys, and the message does not say which source it is of.',
    helps: askCaller('name its source'),
  },
  source_other: {
    keeps: [],
    says: () => 'The message names a source that is not that of the key.',
    helps: askCaller('name its own source: `latchkey sources list` shows it'),
  },
  destination_not_subscribed: {
    keeps: [],
    says: () =>
      'A destination of the message is not in an active subscription of its source for its data model.',
    helps: () =>
      '`latchkey subscriptions list` shows what there is, `subscriptions create` adds one.',
  },
  destination_unverified: {
    keeps: ['destinationId'],
    says: ({ destinationId }) => `The destination ${destinationId} is not verified.`,
    helps: ({ destinationId }) =>
      `\`latchkey destinations verify ${destinationId}\` asks it to meet a challenge.`,
  },
  synchronous_to_many: {
    keeps: [],
    says: () => 'An event that waits for its answer was sent to more than one destination.',
    helps: askCaller('send it to one'),
  },
  destination_failed: {
    keeps: ['destinationId'],
    says: ({ destinationId }) => `The destination ${destinationId} failed to answer the query.`,
    helps: () => 'The log says how. `latchkey destinations list` shows its address.',
  },
  destination_timed_out: {
    keeps: ['destinationId'],
    says: ({ destinationId }) =>
      `The destination ${destinationId} took too long to answer the query.`,
    helps: () => '`latchkey destinations list` shows its address.',
  },
  upstream_missing: {
    keeps: ['setting'],
    says: () => 'The key was right, but nothing stands behind this surface.',
    helps: ({ setting }) => `Set ${setting} to the service that answers here.`,
  },
  upstream_unreachable: {
    keeps: [],
    says: () => 'The key was right, the service behind did not answer.',
    helps: () => 'The log says why. Is it running, and is its LATCHKEY_UPSTREAM_ setting right?',
  },
  upstream_timed_out: {
    keeps: [],
    says: () => 'The key was right, the service behind took too long to answer.',
    helps: () => 'LATCHKEY_UPSTREAM_TIMEOUT_SECONDS is how long it may take.',
  },
  failures_exceeded: {
    keeps: ['retryAfterSeconds'],
    says: ({ retryAfterSeconds }) =>
      `Too many failures came from this address: further ones must wait ${retryAfterSeconds} s.`,
    helps: () =>
      'Look at the earlier refusals of this address, and mend what failed. ' +
      'LATCHKEY_FAILURES_PER_ADDRESS sets the limit.',
  },
  quota_exceeded: {
    keeps: ['limit', 'retryAfterSeconds'],
    says: ({ limit, retryAfterSeconds, keyId }) =>
      keyId === undefined
        ? `More than ${limit} requests came from this address: it must wait ${retryAfterSeconds} s.`
        : `More than ${limit} requests came with this key: it must wait ${retryAfterSeconds} s.`,
    helps: () =>
      'LATCHKEY_QUOTA_REQUESTS is the limit; that of an Open Dental customer key is its access.',
  },
  busy: {
    keeps: ['retryAfterSeconds'],
    says: () => 'Too many secrets were being checked, or too many long messages taken, at once.',
    helps: () =>
      'It passes. If it comes often: more cores, another server beside it, or fewer exchanges that fail.',
  },
} satisfies { readonly [R in Failure['reason']]: RefusalText<Extract<Failure, { reason: R }>> }

const SURFACE_REFUSAL_TEXTS = {
  type_unsupported: {
    keeps: [],
    says: () => 'The key was right, the Content-Type is none that this path takes.',
    helps: askCaller('send one that the answer names, or none'),
  },
  customer_key_refused: {
    keeps: ['why'],
    says: ({ why }) => `The developer's key was right, the customer key was left as it is: ${why}.`,
    helps: () => 'The answer says what its developer can do.',
  },
} satisfies {
  readonly [R in SurfaceRefusal['reason']]: RefusalText<Extract<SurfaceRefusal, { reason: R }>>
}

const REFUSAL_TEXTS = { ...FAILURE_TEXTS, ...SURFACE_REFUSAL_TEXTS }
const TEXTS_BY_REASON = new Map<string, Pick<RefusalText<Failure>, 'says' | 'helps'>>(
  Object.entries(REFUSAL_TEXTS),
)

/** True if this version of the program describes the reason in every key type. */
export const isFailureReason = (reason: unknown): boolean =>
  Object.hasOwn(FAILURE_TEXTS, String(reason))

/** Returns the facts of a refusal that the audit stores. */
export function toRefusalFacts(failure: Failure | SurfaceRefusal): RefusalFacts {
  const kept: readonly string[] = REFUSAL_TEXTS[failure.reason].keeps
  const facts = Object.entries(failure).filter(([name]) => kept.includes(name))
  return { reason: failure.reason, ...Object.fromEntries(facts) }
}

/** Describes a refusal, and what to do about it. */
export function describeRefusal(facts: RefusalFacts): { sentence: string; advice: string | null } {
  const text = TEXTS_BY_REASON.get(String(facts.reason))
  // Another version of the program may have written this reason.
  if (text === undefined) return { sentence: `Refused: ${facts.reason}.`, advice: null }
  return { sentence: text.says(facts), advice: text.helps(facts) }
}

/** The reasons of a refused sign-in, for the operator. The user gets the same message for all of them. */
const SIGN_IN_REFUSAL_TEXTS = {
  name_unknown: 'nobody has that username',
  password_missing: 'this person has no password yet: `latchkey users invite` sends a link to one',
  password_wrong: 'the password was wrong',
  user_left: 'this person has left',
  account_closed: 'the account of this person is closed',
  code_wrong: 'the code of the second factor was wrong, or was used before',
  token_unknown: 'there was no API token that was good',
  locked: 'too many tries in a row were wrong: the next one is taken a while later',
} as const

export type SignInRefusal = keyof typeof SIGN_IN_REFUSAL_TEXTS

const TEXTS_BY_SIGN_IN_REFUSAL = new Map<string, string>(Object.entries(SIGN_IN_REFUSAL_TEXTS))

/** Falls back to the reason itself, because another version of the program may have written it. */
export const describeSignInRefusal = (reason: string): string =>
  `Signing in was refused: ${TEXTS_BY_SIGN_IN_REFUSAL.get(reason) ?? reason}.`
