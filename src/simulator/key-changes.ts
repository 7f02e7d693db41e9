import type { Latchkey } from '../compose.ts'
import { DAY_MS } from '../domain/instant.ts'
import { MAX_BROWNOUT_MS } from '../domain/sunset.ts'
import type { Fault } from './fault.ts'

/** Long after every window, so that only brownouts refuse the keys. */
const SUNSET_AFTER_MS = 365 * DAY_MS

/** Changes the keys of the sandbox as an operator does, by the services of the server. */
export class KeyChanges {
  readonly #services: Pick<Latchkey, 'keys' | 'sunsets'>
  readonly #accountId: string
  /** The present secrets, by the public id of a key or else the name of its type. */
  readonly secretsByKey: Map<string, string>

  constructor(
    services: Pick<Latchkey, 'keys' | 'sunsets'>,
    accountId: string,
    secretsByKey: Map<string, string>,
  ) {
    this.#services = services
    this.#accountId = accountId
    this.secretsByKey = secretsByKey
  }

  /** Changes a key as the fault says. Returns false if nothing was changed. */
  async carryOut({ name, ms }: Fault, key: string, now: number): Promise<boolean> {
    if (name === 'rotate-secret') return this.#rotateSecret(key, ms)
    if (name === 'brownout') return this.#startBrownout(now, ms)
    return name === 'revoke-key' && (await this.#services.keys.revoke(key)).ok
  }

  async #rotateSecret(key: string, overlapMs: number): Promise<boolean> {
    const input = overlapMs === 0 ? {} : { overlapMs }
    const rotated = await this.#services.keys.rotateSecret(key, input)
    if (rotated.ok) this.secretsByKey.set(key, rotated.value.secret)
    return rotated.ok
  }

  async #startBrownout(now: number, ms: number): Promise<boolean> {
    const { ok } = await this.#services.sunsets.set({
      accountId: this.#accountId,
      keyType: 'redox',
      deprecatedAt: now,
      sunsetAt: now + SUNSET_AFTER_MS,
      brownouts: [{ startsAt: now, endsAt: now + Math.min(ms, MAX_BROWNOUT_MS) }],
    })
    return ok
  }
}
