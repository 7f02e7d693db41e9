/** What one check found. */
export interface Finding {
  readonly check: string
  readonly status: 'ok' | 'warn' | 'fail'
  readonly message: string
  /** What to do about it. */
  readonly advice: string | null
}

export const fine = (check: string, message: string): Finding => ({
  check,
  status: 'ok',
  message,
  advice: null,
})

export const warn = (check: string, message: string, advice: string | null): Finding => ({
  check,
  status: 'warn',
  message,
  advice,
})

export const bad = (check: string, message: string, advice: string | null): Finding => ({
  check,
  status: 'fail',
  message,
  advice,
})
