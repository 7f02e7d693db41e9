import type { Reason } from '../../../domain/failure.ts'

/** Why requests are refused, in a few words each. */
const WORDS: Readonly<Record<Reason, string>> = {
  body_too_large: 'The body was too long',
  body_unreadable: 'The body cannot be read',
  member_repeated: 'A JSON member was there twice',
  field_missing: 'A field is missing',
  field_invalid: 'A field is not valid',
  credential_missing: 'No credential',
  credential_malformed: 'The credential cannot be read',
  key_unknown: 'No such key',
  secret_missing: 'A key id without its secret',
  secret_wrong: 'The secret was wrong',
  token_forged: 'Not a token of this server',
  token_expired: 'The token had expired',
  token_from_future: 'The token is from the future',
  token_superseded: 'The token ended with a new secret',
  grant_revoked: 'The token family was revoked',
  refresh_outdated: 'A refresh token was not the newest',
  refresh_reused: 'A refresh token came twice',
  region_other: 'The account is of another region',
  account_closed: 'The account is closed',
  key_revoked: 'The key is revoked',
  key_disabled: 'The key is disabled',
  key_expired: 'The key has expired',
  key_unassigned: 'The key is not assigned yet',
  address_refused: 'From an address that is not on the list',
  permission_missing: 'The key does not open this',
  event_unknown: 'No such data model or event',
  source_required: 'The message names no source',
  source_other: 'The source of another key',
  destination_not_subscribed: 'No subscription to the destination',
  destination_unverified: 'The destination is not verified',
  synchronous_to_many: 'A query to several destinations',
  destination_failed: 'The destination failed to answer',
  destination_timed_out: 'The destination took too long',
  upstream_missing: 'Nothing stands behind the surface',
  upstream_unreachable: 'The service behind did not answer',
  upstream_timed_out: 'The service behind took too long',
  guessing: 'Too many failures before',
  quota_exceeded: 'Too many requests',
  busy: 'Too many secrets checked at once',
}

/** Another version of this program may have counted it. */
export const reasonWords = (reason: string): string =>
  Object.hasOwn(WORDS, reason) ? WORDS[reason as Reason] : reason
