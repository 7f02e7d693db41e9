import type { HasherBusy } from '../ports/crypto.ts'

/** A rejected sign-in. All reasons have one response, which does not reveal that a name exists. */
export type SignInRejection =
  | { readonly reason: 'wrong' }
  | { readonly reason: 'locked'; readonly retryAfterSeconds: number }
  | HasherBusy

export type SignInFailure =
  | SignInRejection
  /** The name and password were right. With `ticket`, the code alone is enough for a few minutes. */
  | { readonly reason: 'code_needed'; readonly ticket: string }
  | CodeRejected

/** The code is not valid at this time, or was used before. */
export interface CodeRejected {
  readonly reason: 'code_wrong'
}

/** An invalid input: the problem, and what to do. */
export interface InvalidField {
  readonly reason: 'unfit'
  readonly field: 'accountName' | 'email' | 'username' | 'password' | 'name' | 'days' | 'code'
  readonly message: string
}

/** The link was used, replaced or has expired, or is no longer needed. */
export interface InvitationGone {
  readonly reason: 'gone'
}

/** The operation requires a browser session, not an API token; or its state has changed meanwhile. */
export interface SignInConflict {
  readonly reason: 'conflict'
  readonly message: string
}

/** The proven credentials have changed meanwhile. */
export const CREDENTIALS_CHANGED: SignInConflict = {
  reason: 'conflict',
  message: 'your password was changed meanwhile, or your user was deactivated: sign in again',
}
