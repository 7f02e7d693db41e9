/**
 * All expected failures of a request. Expected failures are values; `throw` is for bugs and broken
 * machines. Each key type must describe every reason that can reach it, so an undescribed reason does
 * not compile.
 */
export type Failure =
  | InputFailure
  | CredentialFailure
  | TokenFailure
  | AccessFailure
  | RoutingFailure
  | UpstreamFailure
  | RateLimitFailure

/** The request cannot be read. */
export type InputFailure =
  | { reason: 'body_too_large'; limitBytes: number }
  | { reason: 'body_unreadable'; detail: string }
  | { reason: 'member_repeated'; member: string }
  | { reason: 'field_missing'; field: string }
  | { reason: 'field_invalid'; field: string; detail: string }

/** The credential does not prove an identity. */
export type CredentialFailure =
  | { reason: 'credential_missing' }
  | { reason: 'credential_malformed'; detail: string }
  | { reason: 'key_unknown' }
  /** The request has the key's id but not its secret. */
  | { reason: 'secret_missing'; keyId: string }
  | { reason: 'secret_wrong'; keyId: string }
  /** The key's hash of another system cannot be checked. Callers are answered as for a wrong secret. */
  | { reason: 'secret_unverifiable'; keyId: string; detail: string }

export type TokenFailure =
  | { reason: 'token_forged'; detail: string }
  | { reason: 'token_expired'; keyId: string }
  /** The issue time is further in the future than clocks may differ. */
  | { reason: 'token_from_future'; keyId: string }
  | { reason: 'token_superseded'; keyId: string }
  | { reason: 'token_revoked'; keyId: string }
  /** The token has none of the scopes that this needs, which `scope` lists. */
  | { reason: 'scope_insufficient'; keyId: string; scope: string }
  | { reason: 'grant_revoked'; keyId: string; grantId: string }
  /** The token is a genuine refresh token that was replaced more than once within the leeway. */
  | { reason: 'refresh_outdated'; keyId: string; grantId: string; generation: number }
  | { reason: 'refresh_reused'; keyId: string; grantId: string; generation: number }

/** The key is authenticated but not allowed to do this. */
export type AccessFailure =
  | { reason: 'region_other'; keyId: string; region: string }
  | { reason: 'account_closed'; keyId: string }
  | { reason: 'key_revoked'; keyId: string }
  | { reason: 'key_disabled'; keyId: string }
  | { reason: 'key_expired'; keyId: string }
  /** The plan for the keys of its type has reached its sunset. */
  | { reason: 'key_retired'; keyId: string }
  /** A planned brownout refuses the key until its end. */
  | { reason: 'brownout'; keyId: string; retryAfterSeconds: number }
  | { reason: 'key_unassigned'; keyId: string }
  | { reason: 'address_refused'; keyId: string; address: string }
  /** The key does not give access to this resource, or is read-only. */
  | { reason: 'permission_missing'; keyId: string; detail: string }

/** The message must not be sent to the destination, or did not arrive. */
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

/** The upstream service did not respond. */
export type UpstreamFailure =
  /** The operator has not configured an upstream in this setting. */
  | { reason: 'upstream_missing'; setting: string }
  | { reason: 'upstream_unreachable'; detail: string }
  | { reason: 'upstream_timed_out' }

export type RateLimitFailure =
  | { reason: 'failures_exceeded'; retryAfterSeconds: number }
  | { reason: 'quota_exceeded'; limit: number; retryAfterSeconds: number }
  | { reason: 'busy'; retryAfterSeconds: number }

/** Failures of a credential that is presented at every request. */
export type SurfaceFailure =
  | InputFailure
  | CredentialFailure
  | AccessFailure
  | UpstreamFailure
  | RateLimitFailure

/** Refusals that one surface describes for the request itself. No key type's failure table has them. */
export type SurfaceRefusal =
  /** The path does not accept the request's Content-Type. */
  | { reason: 'type_unsupported' }
  /** A customer key was not created or changed. `why` is one of this server's own words. */
  | { reason: 'customer_key_refused'; why: string }
  | TokenRequestRefusal

/** Refusals of a request to a token endpoint of OAuth (RFC 6749 §5.2). */
export type TokenRequestRefusal =
  /** The body is not application/x-www-form-urlencoded. */
  | { reason: 'form_required' }
  | { reason: 'parameter_repeated'; parameter: string }
  | { reason: 'grant_type_missing' }
  | { reason: 'grant_type_unsupported' }
  | { reason: 'assertion_type_missing' }
  | { reason: 'assertion_type_unsupported' }
  | { reason: 'assertion_missing' }
  /** The request proves an identity in two ways (RFC 6749 §2.3). */
  | { reason: 'client_authentication_repeated' }
  /** `client_id` names another client than the credential beside it. */
  | { reason: 'client_id_other' }
  /** The client is registered with another authentication method, which `detail` names. */
  | { reason: 'client_method_other'; keyId: string; detail: string }
  | AssertionRefusal
  /** The client has none of the requested scopes. */
  | { reason: 'scope_refused'; keyId: string }

/** A client assertion is refused. `why` is one of `AssertionReason`, and `detail` its sentence. */
export interface AssertionRefusal {
  readonly reason: 'assertion_kid_missing' | 'assertion_key_unknown' | 'assertion_invalid'
  /** Absent if the assertion names no client. */
  readonly keyId?: string
  readonly why: string
  readonly detail: string
}

export type FailureReason = (Failure | SurfaceRefusal)['reason']

/** A value, or the failure that prevented it. */
export type Result<T, F = Failure> = { ok: true; value: T } | { ok: false; failure: F }

export const ok = <T>(value: T): Result<T, never> => ({ ok: true, value })
export const fail = <F>(failure: F): Result<never, F> => ({ ok: false, failure })

export const KEY_UNKNOWN = fail({ reason: 'key_unknown' } as const)

export const failMalformed = (detail: string) =>
  fail({ reason: 'credential_malformed', detail } as const)

export const failForged = (detail: string) => fail({ reason: 'token_forged', detail } as const)

export const failUnreadable = (detail: string) =>
  fail({ reason: 'body_unreadable', detail } as const)
