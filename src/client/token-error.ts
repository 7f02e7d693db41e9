/**
 * - `refused`: the server does not accept the credentials.
 * - `unavailable`: no answer, or an answer that asks to try again later. `retryAfterMs` says when.
 * - `unexpected_answer`: something answered that is no token endpoint.
 * - `invalid_options`: the options of the manager, or a URL, are wrong. No request was sent.
 */
export type TokenErrorCode = 'refused' | 'unavailable' | 'unexpected_answer' | 'invalid_options'

const ADVICE: Readonly<Record<TokenErrorCode, string>> = {
  refused:
    'Check the id and the secret or private key, and ask the operator of the server why it refuses ' +
    'them.',
  unavailable: 'Try again later.',
  unexpected_answer: 'Check that url is the one of the token server.',
  invalid_options: 'Correct the options.',
}

/** The one error of this library. It never contains a secret or a token. */
export class TokenError extends Error {
  override readonly name = 'TokenError'
  readonly code: TokenErrorCode
  /** A sentence that says what to do next. The message ends with it. */
  readonly advice: string
  /** The HTTP status of the answer, if there was one. */
  readonly status: number | undefined
  /** Milliseconds until the server may answer, if it said so. */
  readonly retryAfterMs: number | undefined

  constructor(
    code: TokenErrorCode,
    problem: string,
    {
      advice = ADVICE[code],
      status,
      retryAfterMs,
      cause,
    }: { advice?: string; status?: number; retryAfterMs?: number; cause?: unknown } = {},
  ) {
    super(`${problem} ${advice}`, cause === undefined ? {} : { cause })
    this.code = code
    this.advice = advice
    this.status = status
    this.retryAfterMs = retryAfterMs
  }
}
