import { Secret, TOTP } from 'otpauth/slim'
import type { Totp } from '../service/ports/sign-in.ts'
import type { Primitives } from './primitives.ts'

const PERIOD_SECONDS = 30
/** RFC 4226 §4, R6: 160 bits. */
const SECRET_BYTES = 20
/** Steps to either side that are taken too: what a clock, and a slow hand, may be off (RFC 6238 §5.2). */
const WINDOW_STEPS = 1

/** RFC 6238 with what every authenticator app knows: SHA-1, six digits, thirty seconds. */
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
