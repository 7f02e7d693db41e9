interface Finding {
  readonly check: string
  readonly status: string
}

/** Of what `latchkey doctor` says: how slow or busy the machine is, is no matter of a test. */
export const isAmiss = ({ check, status }: Finding): boolean =>
  status !== 'ok' && !(check === 'argon2' && status === 'warn')
