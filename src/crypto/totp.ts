import { Secret, TOTP } from 'otpauth/slim'
import type { Totp } from '../service/ports/people.ts'
import type { Primitives } from './primitives.ts'

const PERIOD_SECONDS = 30
/** RFC 4226 §4, R6: 160 bits. */
const SECRET_BYTES = 20
/** Steps to either side that are taken too: what a clock, and a slow hand, may be off (RFC 6238 §5.2). */
const WINDOW = 1

/** RFC 6238 with what every authenticator app knows: SHA-1, six digits, thirty seconds. */
export function createTotp({ randomBytes }: Pick<Primitives, 'randomBytes'>): Totp {
  const totpOf = (secret: string, label = '') =>
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

    uri: (secret, label) => totpOf(secret, label).toString(),

    stepOf(secret, code, now) {
      const token = code.replace(/[\s-]/g, '')
      if (!/^\d{6}$/.test(token)) return null
      const delta = totpOf(secret).validate({ token, timestamp: now, window: WINDOW })
      return delta === null ? null : Math.floor(now / 1000 / PERIOD_SECONDS) + delta
    },
  }
}
