import type { Failure } from '../../src/domain/failure.ts'

/** What a caller can put into a failure. */
export const TYPED = 'typed-by-the-caller'
const keyId = '0199aa00-0000-7000-8000-000000000001'
const grantId = '0199aa00-0000-7000-8000-000000000002'
const destinationId = '0199aa00-0000-7000-8000-000000000003'

const FAILURES = {
  body_too_large: { limitBytes: 4096 },
  body_unreadable: { detail: 'the body is not valid JSON' },
  member_repeated: { member: TYPED },
  field_missing: { field: 'Meta.EventType' },
  field_invalid: { field: 'secret', detail: 'must be a string' },
  credential_missing: {},
  credential_malformed: { detail: 'not the Bearer scheme' },
  key_unknown: {},
  secret_missing: { keyId },
  secret_wrong: { keyId },
  token_forged: { detail: 'the tag is wrong' },
  token_expired: { keyId },
  token_from_future: { keyId },
  token_superseded: { keyId },
  grant_revoked: { keyId, grantId },
  refresh_outdated: { keyId, grantId, generation: 1 },
  refresh_reused: { keyId, grantId, generation: 1 },
  key_disabled: { keyId },
  key_revoked: { keyId },
  key_expired: { keyId },
  account_closed: { keyId },
  key_unassigned: { keyId },
  address_refused: { keyId, address: '203.0.113.7' },
  permission_missing: { keyId, detail: 'it only reads' },
  region_other: { keyId, region: 'ca' },
  event_unknown: { dataModel: TYPED, eventType: TYPED },
  source_required: {},
  source_other: { sourceId: TYPED },
  destination_not_subscribed: { destinationId: TYPED },
  destination_unverified: { destinationId },
  synchronous_to_many: {},
  destination_failed: { destinationId, detail: TYPED },
  destination_timed_out: { destinationId },
  upstream_missing: { setting: 'LATCHKEY_UPSTREAM_HL7' },
  upstream_unreachable: { detail: TYPED },
  upstream_timed_out: {},
  guessing: { retryAfterSeconds: 7 },
  quota_exceeded: { limit: 10_000, retryAfterSeconds: 7 },
  busy: { retryAfterSeconds: 1 },
} satisfies { readonly [R in Failure['reason']]: Omit<Extract<Failure, { reason: R }>, 'reason'> }

/** One failure for each reason. */
export const failures = Object.entries(FAILURES).map(
  ([reason, facts]) => ({ reason, ...facts }) as Failure,
)
