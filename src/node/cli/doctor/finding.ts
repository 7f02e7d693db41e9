/** The result of one check. */
export interface Finding {
  readonly check: string
  readonly status: 'ok' | 'warn' | 'fail'
  readonly message: string
  /** The suggested fix. */
  readonly advice: string | null
}

export const reportOk = (check: string, message: string): Finding => ({
  check,
  status: 'ok',
  message,
  advice: null,
})

export const reportWarning = (check: string, message: string, advice: string | null): Finding => ({
  check,
  status: 'warn',
  message,
  advice,
})

export const reportFailure = (check: string, message: string, advice: string | null): Finding => ({
  check,
  status: 'fail',
  message,
  advice,
})
