import type { Failure } from '../../src/domain/failure.ts'

/** Text that a caller can put into a failure. */
export const CALLER_TEXT = 'typed-by-the-caller'
const FAILURE_KEY_ID = '0199aa00-0000-7000-8000-000000000001'
const FAILURE_GRANT_ID = '0199aa00-0000-7000-8000-000000000002'
const FAILURE_DESTINATION_ID = '0199aa00-0000-7000-8000-000000000003'

const FAILURE_DETAILS = {
  body_too_large: { limitBytes: 4096 },
  body_unreadable: { detail: 'the body is not valid JSON' },
  member_repeated: { member: CALLER_TEXT },
  field_missing: { field: 'Meta.EventType' },
  field_invalid: { field: 'secret', detail: 'must be a string' },
  credential_missing: {},
  credential_malformed: { detail: 'not the Bearer scheme' },
  key_unknown: {},
  secret_missing: { keyId: FAILURE_KEY_ID },
  secret_wrong: { keyId: FAILURE_KEY_ID },
  secret_unverifiable: { keyId: FAILURE_KEY_ID, detail: 'its pepper is missing' },
  token_forged: { detail: 'the tag is wrong' },
  token_expired: { keyId: FAILURE_KEY_ID },
  token_from_future: { keyId: FAILURE_KEY_ID },
  token_superseded: { keyId: FAILURE_KEY_ID },
  token_revoked: { keyId: FAILURE_KEY_ID },
  scope_insufficient: { keyId: FAILURE_KEY_ID, scope: 'system/Patient.r' },
  grant_revoked: { keyId: FAILURE_KEY_ID, grantId: FAILURE_GRANT_ID },
  refresh_outdated: { keyId: FAILURE_KEY_ID, grantId: FAILURE_GRANT_ID, generation: 1 },
  refresh_reused: { keyId: FAILURE_KEY_ID, grantId: FAILURE_GRANT_ID, generation: 1 },
  key_disabled: { keyId: FAILURE_KEY_ID },
  key_revoked: { keyId: FAILURE_KEY_ID },
  key_expired: { keyId: FAILURE_KEY_ID },
  key_retired: { keyId: FAILURE_KEY_ID },
  brownout: { keyId: FAILURE_KEY_ID, retryAfterSeconds: 900 },
  account_closed: { keyId: FAILURE_KEY_ID },
  key_unassigned: { keyId: FAILURE_KEY_ID },
  address_refused: { keyId: FAILURE_KEY_ID, address: '203.0.113.7' },
  permission_missing: { keyId: FAILURE_KEY_ID, detail: 'it only reads' },
  region_other: { keyId: FAILURE_KEY_ID, region: 'ca' },
  event_unknown: { dataModel: CALLER_TEXT, eventType: CALLER_TEXT },
  source_required: {},
  source_other: { sourceId: CALLER_TEXT },
  destination_not_subscribed: { destinationId: CALLER_TEXT },
  destination_unverified: { destinationId: FAILURE_DESTINATION_ID },
  synchronous_to_many: {},
  destination_failed: { destinationId: FAILURE_DESTINATION_ID, detail: CALLER_TEXT },
  destination_timed_out: { destinationId: FAILURE_DESTINATION_ID },
  upstream_missing: { setting: 'LATCHKEY_UPSTREAM_HL7' },
  upstream_unreachable: { detail: CALLER_TEXT },
  upstream_timed_out: {},
  failures_exceeded: { retryAfterSeconds: 7 },
  quota_exceeded: { limit: 10_000, retryAfterSeconds: 7 },
  busy: { retryAfterSeconds: 1 },
} satisfies { readonly [R in Failure['reason']]: Omit<Extract<Failure, { reason: R }>, 'reason'> }

/** One failure for each reason. */
export const SAMPLE_FAILURES = Object.entries(FAILURE_DETAILS).map(
  ([reason, facts]) => ({ reason, ...facts }) as Failure,
)
