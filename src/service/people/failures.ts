import type { Failure } from '../../domain/failure.ts'

/** Whoever he says he is, he has not proved it. One answer for every reason: no name is told to exist. */
export type Unproven =
  | { readonly reason: 'wrong' }
  | { readonly reason: 'locked'; readonly retryAfterSeconds: number }
  | Busy

/** Too many secrets are being checked at once. */
export interface Busy {
  readonly reason: 'busy'
  readonly retryAfterSeconds: number
}

/** A hasher fails in no other way. */
export const busyOf = (failure: Failure): Busy => ({
  reason: 'busy',
  retryAfterSeconds: 'retryAfterSeconds' in failure ? failure.retryAfterSeconds : 1,
})

export type SignInFailure =
  | Unproven
  /** Name and password were right. With `ticket` the code alone is enough, for a few minutes. */
  | { readonly reason: 'code_needed'; readonly ticket: string }
  | CodeWrong

/** Not the code of this moment, or one that was used before. */
export interface CodeWrong {
  readonly reason: 'code_wrong'
}

/** What was typed cannot be taken: what is wrong with it, and what would help. */
export interface Unfit {
  readonly reason: 'unfit'
  readonly field: 'accountName' | 'email' | 'username' | 'password' | 'name' | 'days' | 'code'
  readonly message: string
}

/** The link was used, replaced or has expired; or nobody needs it any more. */
export interface Gone {
  readonly reason: 'gone'
}

/** It takes a person who has signed in: a token of his is not enough. Or it is not as it was seen. */
export interface NotSo {
  readonly reason: 'conflict'
  readonly message: string
}
