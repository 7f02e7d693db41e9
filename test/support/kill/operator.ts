import type { open } from '../../../src/node/server.ts'
import type { Chance } from '../../soak/chance.ts'
import { deviceNew, done, seedKey, type TokenAnswer } from '../server.ts'
import type { Counts } from './counts.ts'
import type { Line } from './line.ts'

type Latchkey = Awaited<ReturnType<typeof open>>

interface Victim {
  readonly keyId: string
  readonly apiKey: string
  readonly secret: string
  readonly destinationId: string
  /** What the server has given for it, the newest last. */
  readonly tokens: TokenAnswer[]
}

/** A source without a living key: each victim in its turn is made there. */
type Place = Pick<Awaited<ReturnType<typeof seedKey>>, 'ownerId' | 'sourceId' | 'destinationId'>

/** How many of the keys that were revoked long ago are tried again after each restart. */
const SAMPLE = 5

/** Revokes, disables and enables keys on a connection of its own while the server lives and dies. */
export class Operator {
  readonly #latchkey: Latchkey
  readonly #line: Line
  readonly #counts: Counts
  readonly #chance: Chance
  readonly #toggled: Victim
  readonly #place: Place
  readonly #revoked: Victim[] = []
  #checked = 0
  #isEnabled = true

  private constructor(
    latchkey: Latchkey,
    line: Line,
    counts: Counts,
    chance: Chance,
    { toggled, place }: { toggled: Victim; place: Place },
  ) {
    this.#latchkey = latchkey
    this.#line = line
    this.#counts = counts
    this.#chance = chance
    this.#toggled = toggled
    this.#place = place
  }

  static async begin(
    latchkey: Latchkey,
    line: Line,
    counts: Counts,
    chance: Chance,
  ): Promise<Operator> {
    const toggled = { ...(await seedKey(latchkey)), tokens: [] }
    const place = await seedKey(latchkey)
    done(await latchkey.keys.revoke(place.keyId))
    return new Operator(latchkey, line, counts, chance, { toggled, place })
  }

  /** After a restart: whatever the operator was told is so, is so. */
  async check(): Promise<void> {
    const fresh = this.#revoked.slice(this.#checked)
    this.#checked = this.#revoked.length
    for (const victim of fresh) await this.#mustBeRefused(victim, { secretToo: true })
    for (let n = 0; n < Math.min(SAMPLE, this.#revoked.length); n++) {
      const victim = this.#revoked[this.#chance.between(0, this.#revoked.length - 1)]
      if (victim !== undefined) await this.#mustBeRefused(victim)
    }
    await this.#checkToggled()
  }

  async checkAll(): Promise<void> {
    for (const victim of this.#revoked) {
      const { status } = done(await this.#latchkey.keys.find(victim.keyId))
      if (status !== 'revoked') throw new Error(`key ${victim.keyId} is ${status}, not revoked`)
      await this.#mustBeRefused(victim)
    }
    await this.#checkToggled()
  }

  /** Until an answer is lost. */
  async work(): Promise<void> {
    while ((await this.#revokeOne()) && (await this.#toggle()));
  }

  /** A key lives, is used, and is revoked. From the acknowledgement on nothing of it is answered. */
  async #revokeOne(): Promise<boolean> {
    const victim = await this.#makeVictim()
    const { apiKey, secret, tokens } = victim
    const first = await this.#line.post('/auth/authenticate', { apiKey, secret })
    if (first !== null) tokens.push(JSON.parse(first.body))
    const refreshToken = tokens[0]?.refreshToken
    if (refreshToken !== undefined) {
      const second = await this.#line.post('/auth/refreshToken', { apiKey, refreshToken })
      if (second !== null) tokens.push(JSON.parse(second.body))
    }
    done(await this.#latchkey.keys.revoke(victim.keyId))
    this.#revoked.push(victim)
    this.#counts.revocations++
    return (await this.#mustBeRefused(victim)) && first !== null
  }

  async #makeVictim(): Promise<Victim> {
    const { ownerId, sourceId, destinationId } = this.#place
    const wish = { dialect: 'redox' as const, ownerId, sourceId, name: 'soon revoked' }
    const { key, secret } = done(await this.#latchkey.keys.create(wish))
    return { keyId: key.id, apiKey: key.publicId, secret, destinationId, tokens: [] }
  }

  async #toggle(): Promise<boolean> {
    const { keyId } = this.#toggled
    const { keys } = this.#latchkey
    done(await (this.#isEnabled ? keys.disable(keyId) : keys.enable(keyId)))
    this.#isEnabled = !this.#isEnabled
    this.#counts.toggles++
    return this.#checkToggled()
  }

  async #checkToggled(): Promise<boolean> {
    const { apiKey, secret, destinationId, tokens } = this.#toggled
    if (this.#isEnabled && tokens.length === 0) {
      const answer = await this.#line.post('/auth/authenticate', { apiKey, secret })
      if (answer === null) return false
      tokens.push(JSON.parse(answer.body))
    }
    const accessToken = tokens[0]?.accessToken
    if (accessToken === undefined) return true
    // A message that is never accepted: only who asks is judged here.
    const answer = await this.#line.post('/endpoint', { Meta: destinationId }, accessToken)
    if (answer === null) return false
    if (answer.status !== (this.#isEnabled ? 400 : 401)) {
      throw new Error(`a key that is ${this.#isEnabled ? 'en' : 'dis'}abled got ${answer.status}`)
    }
    return true
  }

  /** False where an answer was lost. */
  async #mustBeRefused(victim: Victim, { secretToo = false } = {}): Promise<boolean> {
    const { apiKey, secret, destinationId, tokens } = victim
    const message = deviceNew(destinationId)
    const asking = tokens.flatMap(({ accessToken, refreshToken }) => [
      this.#line.post('/endpoint', message, accessToken),
      this.#line.post('/auth/refreshToken', { apiKey, refreshToken }),
    ])
    if (secretToo) asking.push(this.#line.post('/auth/authenticate', { apiKey, secret }))
    const answers = await Promise.all(asking)
    for (const answer of answers) {
      if (answer !== null && answer.status !== 401) {
        throw new Error(`a revoked key was answered: ${answer.status} ${answer.body}`)
      }
    }
    return !answers.includes(null)
  }
}
