import type { Failure, SurfaceRefusal } from './failure.ts'
import { TOKEN_REQUEST_TEXTS } from './token-refusal-text.ts'

/** The facts of a refusal, as the audit stores them. */
export type RefusalFacts = Readonly<Record<string, string | number | boolean | null>>

/** The key of a refusal, as it is now. */
interface RefusedKey {
  readonly accountId: string
  readonly keyType: string
  readonly disabledBy: string | null
}

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
  ['token', 'send its client id and secret, or a signed assertion'],
])

const NO_SUCH_SECRET = 'No key has the secret in the request.'

/** Keys without an id in the request are found by their secret, so that a wrong one matches no key. */
const UNKNOWN_KEY_SENTENCES = new Map([
  ['fhir', NO_SUCH_SECRET],
  ['hl7', NO_SUCH_SECRET],
  ['mpps', NO_SUCH_SECRET],
  ['opendental', 'The developer key or the key is wrong: no key has both.'],
  ['practice', 'The username or the key is wrong: no key has both.'],
  ['forward-auth', 'No key has the credential in the request.'],
])

const CHECK_SECRET =
  'Ask the caller to check its key. If it is lost, run `latchkey keys rotate-secret ID`.'
const UNKNOWN_KEY_ADVICE = new Map([
  ['fhir', CHECK_SECRET],
  ['hl7', CHECK_SECRET],
  ['mpps', CHECK_SECRET],
  ['forward-auth', CHECK_SECRET],
  [
    'token',
    'A client id is the public id of a key: `latchkey keys list --text CLIENT_ID` finds the key.',
  ],
  [
    'opendental',
    'Ask the caller to check both: `latchkey developers list` shows the developer keys, and `latchkey keys view-secret ID` the key.',
  ],
  [
    'practice',
    'Ask the caller to check both: `latchkey users list` shows the usernames, and `latchkey keys view-secret ID` the key.',
  ],
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
    says: () => 'The JSON body repeats a member, so that two parsers could read it differently.',
    helps: askCaller('send each member once'),
  },
  field_missing: {
    keeps: ['field'],
    says: ({ field }) => `The field ${field} is missing.`,
    helps: askCaller('add the field'),
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
    says: ({ surface }) =>
      `${UNKNOWN_KEY_SENTENCES.get(String(surface)) ?? 'No key of this region has the id in the request.'} ` +
      'What the request carried is not recorded, because it may be a secret.',
    helps: ({ surface }) =>
      UNKNOWN_KEY_ADVICE.get(String(surface)) ?? '`latchkey keys list` shows the ids of all keys.',
  },
  secret_missing: {
    keeps: ['keyId'],
    says: () => 'The request had the id of a key, but no secret.',
    helps: askCaller('send both'),
  },
  secret_wrong: {
    keeps: ['keyId'],
    says: () => 'The key exists, but the secret is wrong.',
    helps: ({ keyId, keyType }) =>
      keyType === 'oauth'
        ? `\`latchkey keys show ${keyId}\` shows its authentication method: private_key_jwt has no secret. If the secret of another method is lost, run \`latchkey keys rotate-secret ${keyId}\`.`
        : `If the secret is lost, run \`latchkey keys rotate-secret ${keyId}\`.`,
  },
  secret_unverifiable: {
    keeps: ['keyId', 'detail'],
    says: ({ detail }) => `The imported hash of the secret cannot be checked: ${detail}.`,
    helps: ({ keyId }) =>
      'Start the server with the key ring that the keys were imported with, or restore the pepper from a backup. ' +
      `To give the owner a new secret, run \`latchkey keys rotate-secret ${keyId}\`.`,
  },
  token_forged: {
    keeps: ['detail'],
    says: ({ detail }) => `The token was not issued by this server: ${detail}.`,
    helps: askCaller('exchange its key and secret again'),
  },
  token_expired: {
    keeps: ['keyId'],
    says: () => 'The token has expired.',
    helps: askCaller('refresh it, or exchange its key and secret again'),
  },
  token_from_future: {
    keeps: ['keyId'],
    says: () => 'The token was issued in the future, by a server with a fast clock.',
    helps: () =>
      'Synchronize the clock of every server by NTP; `latchkey doctor` checks it. The client must refresh its ' +
      'token, or exchange its key and secret again.',
  },
  token_superseded: {
    keeps: ['keyId'],
    says: () => 'The token was issued before the secret of its key was rotated, which revoked it.',
    helps: askCaller('exchange its key and its new secret'),
  },
  token_revoked: {
    keeps: ['keyId'],
    says: () => 'The token was revoked by its client.',
    helps: askCaller('request another token'),
  },
  scope_insufficient: {
    keeps: ['keyId', 'scope'],
    says: ({ scope }) => `The token lacks a scope that this needs: ${scope}.`,
    helps: ({ keyId }) =>
      `\`latchkey keys show ${keyId}\` shows the scopes of the client. It must also ask for them.`,
  },
  grant_revoked: {
    keeps: ['keyId', 'grantId'],
    says: () => 'The token belongs to a grant that was revoked.',
    helps: ({ grantId }) => `\`latchkey audit list --subject ${grantId}\` shows why.`,
  },
  refresh_outdated: {
    keeps: ['keyId', 'grantId', 'generation'],
    says: ({ generation }) =>
      `The refresh token of generation ${generation} was used after two newer ones were issued, within the leeway of ` +
      'the last rotation. It was refused; its grant was not revoked.',
    helps: () =>
      'Several workers of the client refresh at the same time, or a request arrived late. The client must ' +
      'use its newest token.',
  },
  refresh_reused: {
    keeps: ['keyId', 'grantId', 'generation'],
    says: () =>
      'A refresh token was used again after its successor was used: two parties have it. ' +
      'The whole grant was revoked.',
    helps: ({ keyId }) =>
      `If the token may be stolen, run \`latchkey keys rotate-secret ${keyId}\`. ` +
      'If the client only ran twice, it must exchange its secret again.',
  },
  key_disabled: {
    keeps: ['keyId'],
    says: () => 'The key is disabled.',
    helps: ({ keyId, disabledBy }) =>
      disabledBy === 'developer' || disabledBy === 'customer'
        ? `Its ${disabledBy} disabled it. On their behalf, \`latchkey keys enable ${keyId} --by ${disabledBy}\` enables it.`
        : `\`latchkey keys enable ${keyId}\` enables it.`,
  },
  key_revoked: {
    keeps: ['keyId'],
    says: () => 'The key was revoked permanently.',
    helps: () => 'Create another key with `latchkey keys create`.',
  },
  key_expired: {
    keeps: ['keyId'],
    says: () => 'The key has expired.',
    helps: () => 'Create another key with `latchkey keys create`.',
  },
  key_retired: {
    keeps: ['keyId'],
    says: () => 'The sunset of the key has passed.',
    helps: ({ accountId }) =>
      `\`latchkey sunset list --account ${accountId}\` shows the sunset, and \`latchkey sunset cancel\` makes its keys work again.`,
  },
  brownout: {
    keeps: ['keyId', 'retryAfterSeconds'],
    says: ({ retryAfterSeconds }) =>
      `A planned brownout refused the key, for another ${retryAfterSeconds} seconds.`,
    helps: ({ accountId }) =>
      `The user of the key has not moved to OAuth. \`latchkey sunset list --account ${accountId}\` shows the brownout, and \`latchkey sunset cancel\` ends it.`,
  },
  account_closed: {
    keeps: ['keyId'],
    says: () => 'The account of the key is closed.',
    helps: ({ accountId }) => `\`latchkey accounts reopen ${accountId}\` reopens it.`,
  },
  key_unassigned: {
    keeps: ['keyId'],
    says: () => 'The key is not assigned to an office yet.',
    helps: ({ keyId }) =>
      `\`latchkey keys assign ${keyId} SITE\` assigns it. The developer can also do so.`,
  },
  address_refused: {
    keeps: ['keyId', 'address'],
    says: ({ address }) => `The IP allowlist of the account does not include ${address}.`,
    helps: ({ accountId, address }) =>
      `If the caller may use this address, run \`latchkey ip-allowlist add --account ${accountId} --network ${address}\`.`,
  },
  permission_missing: {
    keeps: ['keyId', 'detail'],
    says: ({ detail }) => `The key does not allow this: ${detail}.`,
    helps: ({ keyId, keyType }) =>
      keyType === 'oauth'
        ? `\`latchkey keys edit ${keyId}\` sets its sources (--source-ids) and sites (--site-ids).`
        : `\`latchkey keys show ${keyId}\` shows its access.`,
  },
  region_other: {
    keeps: ['keyId', 'region'],
    says: ({ region }) =>
      `The account of the key belongs to the region ${region}, not to the region of this server.`,
    helps: ({ region }) =>
      `The caller must use the server of ${region}. LATCHKEY_REGION sets the region of this server.`,
  },
  event_unknown: {
    keeps: [],
    says: () => 'The catalogue has no such data model or event type.',
    helps: askCaller('correct Meta.DataModel and Meta.EventType'),
  },
  source_required: {
    keeps: [],
    says: () => 'The account has several keys, and the message does not name its source.',
    helps: askCaller('name its source'),
  },
  source_other: {
    keeps: [],
    says: () => 'The message names a source that is not the source of the key.',
    helps: askCaller('name its own source: `latchkey sources list` shows it'),
  },
  destination_not_subscribed: {
    keeps: [],
    says: () =>
      'A destination of the message is not in an active subscription of its source for its data model.',
    helps: () =>
      'List the subscriptions with `latchkey subscriptions list`, or add one with `subscriptions create`.',
  },
  destination_unverified: {
    keeps: ['destinationId'],
    says: ({ destinationId }) => `The destination ${destinationId} is not verified.`,
    helps: ({ destinationId }) => `\`latchkey destinations verify ${destinationId}\` verifies it.`,
  },
  synchronous_to_many: {
    keeps: [],
    says: () => 'A synchronous event was sent to more than one destination.',
    helps: askCaller('send it to one destination'),
  },
  destination_failed: {
    keeps: ['destinationId'],
    says: ({ destinationId }) => `The destination ${destinationId} did not answer the query.`,
    helps: () => 'See the log for the reason. `latchkey destinations list` shows its URL.',
  },
  destination_timed_out: {
    keeps: ['destinationId'],
    says: ({ destinationId }) =>
      `The destination ${destinationId} took too long to answer the query.`,
    helps: () => '`latchkey destinations list` shows its URL.',
  },
  upstream_missing: {
    keeps: ['setting'],
    says: () => 'The key is valid, but no upstream is configured for this API.',
    helps: ({ setting }) => `Set ${setting} to the URL of the upstream.`,
  },
  upstream_unreachable: {
    keeps: [],
    says: () => 'The key is valid, but the upstream did not respond.',
    helps: () =>
      'See the log for the reason. Check that the upstream runs, and its LATCHKEY_UPSTREAM_ setting.',
  },
  upstream_timed_out: {
    keeps: [],
    says: () => 'The key is valid, but the upstream did not respond in time.',
    helps: () => 'LATCHKEY_UPSTREAM_TIMEOUT_SECONDS sets the limit.',
  },
  failures_exceeded: {
    keeps: ['retryAfterSeconds'],
    says: ({ retryAfterSeconds }) =>
      `Too many requests from this address failed. It must wait ${retryAfterSeconds} s.`,
    helps: () =>
      'Check the earlier refusals of this address, and fix their cause. ' +
      'LATCHKEY_FAILURES_PER_ADDRESS sets the limit.',
  },
  quota_exceeded: {
    keeps: ['limit', 'retryAfterSeconds'],
    says: ({ limit, retryAfterSeconds, keyId }) =>
      keyId === undefined
        ? `More than ${limit} requests came from this address. It must wait ${retryAfterSeconds} s.`
        : `More than ${limit} requests used this key. It must wait ${retryAfterSeconds} s.`,
    helps: () =>
      'LATCHKEY_QUOTA_REQUESTS sets the limit. The limit of an Open Dental customer key depends on its access.',
  },
  busy: {
    keeps: ['retryAfterSeconds'],
    says: () =>
      'Too many secrets were verified, or too many long messages were received, at the same time.',
    helps: () =>
      'Retry later. If this is frequent, add cores or another server, or fix the exchanges that fail.',
  },
} satisfies { readonly [R in Failure['reason']]: RefusalText<Extract<Failure, { reason: R }>> }

const SURFACE_REFUSAL_TEXTS = {
  type_unsupported: {
    keeps: [],
    says: () => 'The key is valid, but this path does not accept the Content-Type.',
    helps: askCaller('send one that the response names, or none'),
  },
  customer_key_refused: {
    keeps: ['why'],
    says: ({ why }) => `The developer key is valid, but the customer key was not changed: ${why}.`,
    helps: () => 'The response tells the developer what to do.',
  },
  ...TOKEN_REQUEST_TEXTS,
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
  const facts: Record<string, RefusalFacts[string]> = { reason: failure.reason }
  for (const [name, value] of Object.entries(failure)) if (kept.includes(name)) facts[name] = value
  return facts
}

/** Describes a refusal, and what to do about it. The advice is exact if the key is known. */
export function describeRefusal(
  stored: RefusalFacts,
  key: RefusedKey | null = null,
): { sentence: string; advice: string | null } {
  const { accountId = 'ACCOUNT', keyType = null, disabledBy = null } = key ?? {}
  const facts: RefusalFacts = { ...stored, accountId, keyType, disabledBy }
  const text = TEXTS_BY_REASON.get(String(facts.reason))
  // Another version of the program may have written this reason.
  if (text === undefined) return { sentence: `Refused: ${facts.reason}.`, advice: null }
  return { sentence: text.says(facts), advice: text.helps(facts) }
}
