/**
 * Every way in which a request can fail and be expected to. Expected failure is a value; `throw` is
 * left for bugs and broken machines. A dialect answers each reason that can reach it in its own words,
 * so a new reason that a dialect has no words for does not compile.
 */
export type Failure =
  | InputFailure
  | CredentialFailure
  | TokenFailure
  | AccessFailure
  | RoutingFailure
  | UpstreamFailure
  | RateLimitFailure

/** What was sent cannot be read. */
export type InputFailure =
  | { reason: 'body_too_large'; limitBytes: number }
  | { reason: 'body_unreadable'; detail: string }
  | { reason: 'member_repeated'; member: string }
  | { reason: 'field_missing'; field: string }
  | { reason: 'field_invalid'; field: string; detail: string }

/** Who sent it is not believed. */
export type CredentialFailure =
  | { reason: 'credential_missing' }
  | { reason: 'credential_malformed'; detail: string }
  | { reason: 'key_unknown' }
  /** The key's id came without its secret. */
  | { reason: 'secret_missing'; keyId: string }
  | { reason: 'secret_wrong'; keyId: string }

export type TokenFailure =
  | { reason: 'token_forged'; detail: string }
  | { reason: 'token_expired'; keyId: string }
  /** Issued further in the future than clocks may differ. */
  | { reason: 'token_from_future'; keyId: string }
  | { reason: 'token_superseded'; keyId: string }
  | { reason: 'grant_revoked'; keyId: string; grantId: string }
  /** A genuine refresh token that was replaced more than once within the leeway. */
  | { reason: 'refresh_outdated'; keyId: string; grantId: string; generation: number }
  | { reason: 'refresh_reused'; keyId: string; grantId: string; generation: number }

/** Who sent it is known, and may not. */
export type AccessFailure =
  | { reason: 'region_other'; keyId: string; region: string }
  | { reason: 'account_closed'; keyId: string }
  | { reason: 'key_revoked'; keyId: string }
  | { reason: 'key_disabled'; keyId: string }
  | { reason: 'key_expired'; keyId: string }
  | { reason: 'key_unassigned'; keyId: string }
  | { reason: 'address_refused'; keyId: string; address: string }
  /** The key opens something else, or only reads. */
  | { reason: 'permission_missing'; keyId: string; detail: string }

/** The message may not go there, or did not get there. */
export type RoutingFailure =
  | { reason: 'event_unknown'; dataModel: string; eventType: string }
  | { reason: 'source_required' }
  | { reason: 'source_other'; sourceId: string }
  | { reason: 'destination_not_subscribed'; destinationId: string }
  | { reason: 'destination_unverified'; destinationId: string }
  | { reason: 'synchronous_to_many' }
  | DestinationFailure
  | { reason: 'destination_timed_out'; destinationId: string }

export interface DestinationFailure {
  readonly reason: 'destination_failed'
  readonly destinationId: string
  /** For the operator. */
  readonly detail: string
  /** The HTTP status of its response, if there was one. */
  readonly status?: number
  /** The problem with the response body, for the caller. */
  readonly answerFault?: string
}

/** The service behind the guard gave no answer. */
export type UpstreamFailure =
  /** The operator has named none, in this setting. */
  | { reason: 'upstream_missing'; setting: string }
  | { reason: 'upstream_unreachable'; detail: string }
  | { reason: 'upstream_timed_out' }

export type RateLimitFailure =
  | { reason: 'guessing'; retryAfterSeconds: number }
  | { reason: 'quota_exceeded'; limit: number; retryAfterSeconds: number }
  | { reason: 'busy'; retryAfterSeconds: number }

/** How a credential that is presented at every request can fail to open its surface. */
export type SurfaceFailure =
  | InputFailure
  | CredentialFailure
  | AccessFailure
  | UpstreamFailure
  | RateLimitFailure

/** What one surface refuses in words for this request alone, which no dialect's table has. */
export type SurfaceRefusal =
  /** Its Content-Type is none that the path takes. */
  | { reason: 'type_unsupported' }
  /** A customer key was not made or changed: `why` is one of our words. */
  | { reason: 'customer_key_refused'; why: string }

export type FailureReason = (Failure | SurfaceRefusal)['reason']

/** Either a value, or the one failure that stood in its way. */
export type Result<T, F = Failure> = { ok: true; value: T } | { ok: false; failure: F }

export const ok = <T>(value: T): Result<T, never> => ({ ok: true, value })
export const fail = <F>(failure: F): Result<never, F> => ({ ok: false, failure })

export const failMalformed = (detail: string) =>
  fail({ reason: 'credential_malformed', detail } as const)

export const failUnreadable = (detail: string) =>
  fail({ reason: 'body_unreadable', detail } as const)
