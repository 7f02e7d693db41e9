interface InvalidPlace {
  /** The place in the body, as a JSON Pointer (RFC 6901). */
  readonly pointer: string
  readonly detail: string
}

/**
 * Refuses a request that the sandbox itself answers, in the form of RFC 9457, as the management API does: a
 * test that sets up no fault must not pass. `detail` says what is wrong, and what to send instead.
 */
export const createSandboxProblem = (
  status: 400 | 404 | 422,
  title: string,
  detail: string,
  errors?: readonly InvalidPlace[],
): Response =>
  Response.json(
    { title, status, detail, errors },
    { status, headers: { 'Content-Type': 'application/problem+json' } },
  )
