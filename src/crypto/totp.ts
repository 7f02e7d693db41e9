import { Secret, TOTP } from 'otpauth/slim'
import type { Totp } from '../service/ports/sign-in.ts'
import type { Primitives } from './primitives.ts'

const PERIOD_SECONDS = 30
/** RFC 4226 §4, R6: 160 bits. */
const SECRET_BYTES = 20
/** The number of time steps accepted on either side, for clock skew and slow typing (RFC 6238 §5.2). */
const WINDOW_STEPS = 1

/**
 * Creates RFC 6238 codes with parameters that every authenticator app supports: SHA-1, six digits, 30
 * seconds.
 */
export function createTotp({ randomBytes }: Pick<Primitives, 'randomBytes'>): Totp {
  const createGenerator = (secret: string, label = '') =>
    new TOTP({
      issuer: 'Latchkey',
      label,
      algorithm: 'SHA1',
      digits: 6,
      period: PERIOD_SECONDS,
      secret: Secret.fromBase32(secret),
    })

  return {
    newSecret: () =>
      new Secret({ buffer: Uint8Array.from(randomBytes(SECRET_BYTES)).buffer }).base32,

    createUri: (secret, label) => createGenerator(secret, label).toString(),

    findTimeStep(secret, code, now) {
      const token = code.replace(/[\s-]/g, '')
      if (!/^\d{6}$/.test(token)) return null
      const delta = createGenerator(secret).validate({
        token,
        timestamp: now,
        window: WINDOW_STEPS,
      })
      return delta === null ? null : Math.floor(now / 1000 / PERIOD_SECONDS) + delta
    },
  }
}
