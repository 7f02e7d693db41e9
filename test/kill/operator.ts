import type { openLatchkey } from '../../src/node/open-latchkey.ts'
import type { SeededRandom } from '../support/random.ts'
import { createDeviceNewMessage, seedKey, type TokenResponse, unwrap } from '../support/server.ts'
import type { KillCounts, KilledConnection } from './lane.ts'

type KillLatchkey = Awaited<ReturnType<typeof openLatchkey>>

interface RevokedKey {
  readonly keyId: string
  readonly apiKey: string
  readonly secret: string
  readonly destinationId: string
  /** The tokens that the server has issued, newest last. */
  readonly tokens: TokenResponse[]
}

/** A source without a living key: each victim in its turn is made there. */
type KeyPlace = Pick<Awaited<ReturnType<typeof seedKey>>, 'ownerId' | 'sourceId' | 'destinationId'>

/** How many of the keys that were revoked long ago are tried again after each restart. */
const RECHECKED_KEYS = 5

/** Revokes, disables and enables keys on a connection of its own while the server lives and dies. */
export class KillOperator {
  readonly #latchkey: KillLatchkey
  readonly #connection: KilledConnection
  readonly #counts: KillCounts
  readonly #chance: SeededRandom
  readonly #toggledKey: RevokedKey
  readonly #keyPlace: KeyPlace
  readonly #revokedKeys: RevokedKey[] = []
  #checkedCount = 0
  #lives = 0
  #isEnabled = true

  private constructor(
    latchkey: KillLatchkey,
    connection: KilledConnection,
    counts: KillCounts,
    chance: SeededRandom,
    { toggledKey, keyPlace }: { toggledKey: RevokedKey; keyPlace: KeyPlace },
  ) {
    this.#latchkey = latchkey
    this.#connection = connection
    this.#counts = counts
    this.#chance = chance
    this.#toggledKey = toggledKey
    this.#keyPlace = keyPlace
  }

  static async start(
    latchkey: KillLatchkey,
    connection: KilledConnection,
    counts: KillCounts,
    chance: SeededRandom,
  ): Promise<KillOperator> {
    const toggledKey = { ...(await seedKey(latchkey)), tokens: [] }
    const keyPlace = await seedKey(latchkey)
    unwrap(await latchkey.keys.revoke(keyPlace.keyId))
    return new KillOperator(latchkey, connection, counts, chance, { toggledKey, keyPlace })
  }

  /** Asserts after a restart that every acknowledged change is still in force. */
  async check(): Promise<void> {
    const fresh = this.#revokedKeys.slice(this.#checkedCount)
    this.#checkedCount = this.#revokedKeys.length
    for (const revokedKey of fresh) await this.#expectRefused(revokedKey, { includeSecret: true })
    for (let n = 0; n < Math.min(RECHECKED_KEYS, this.#revokedKeys.length); n++) {
      const revokedKey = this.#revokedKeys[this.#chance.between(0, this.#revokedKeys.length - 1)]
      if (revokedKey !== undefined) await this.#expectRefused(revokedKey)
    }
    await this.#checkToggled()
  }

  async checkAll(): Promise<void> {
    for (const revokedKey of this.#revokedKeys) {
      const { status } = unwrap(await this.#latchkey.keys.find(revokedKey.keyId))
      if (status !== 'revoked') throw new Error(`key ${revokedKey.keyId} is ${status}, not revoked`)
      await this.#expectRefused(revokedKey)
    }
    await this.#checkToggled()
  }

  /** Works until an answer is lost. Each life of the server begins with the other kind of change. */
  async work(): Promise<void> {
    this.#lives++
    for (let n = this.#lives; ; n++) {
      if (!(await (n % 2 === 0 ? this.#revokeOne() : this.#toggle()))) return
    }
  }

  /** A key lives, is used, and is revoked. From the acknowledgement on nothing of it is answered. */
  async #revokeOne(): Promise<boolean> {
    const revokedKey = await this.#createVictim()
    const { apiKey, secret, tokens } = revokedKey
    const first = await this.#connection.post('/auth/authenticate', { apiKey, secret })
    if (first !== null) tokens.push(JSON.parse(first.body))
    const refreshToken = tokens[0]?.refreshToken
    if (refreshToken !== undefined) {
      const second = await this.#connection.post('/auth/refreshToken', { apiKey, refreshToken })
      if (second !== null) tokens.push(JSON.parse(second.body))
    }
    unwrap(await this.#latchkey.keys.revoke(revokedKey.keyId))
    this.#revokedKeys.push(revokedKey)
    this.#counts.revocations++
    return (await this.#expectRefused(revokedKey)) && first !== null
  }

  async #createVictim(): Promise<RevokedKey> {
    const { ownerId, sourceId, destinationId } = this.#keyPlace
    const input = { keyType: 'redox' as const, ownerId, sourceId, name: 'soon revoked' }
    const { key, secret } = unwrap(await this.#latchkey.keys.create(input))
    return { keyId: key.id, apiKey: key.publicId, secret, destinationId, tokens: [] }
  }

  async #toggle(): Promise<boolean> {
    const { keyId } = this.#toggledKey
    const { keys } = this.#latchkey
    unwrap(await (this.#isEnabled ? keys.disable(keyId) : keys.enable(keyId)))
    this.#isEnabled = !this.#isEnabled
    this.#counts.toggles++
    return this.#checkToggled()
  }

  async #checkToggled(): Promise<boolean> {
    const { apiKey, secret, destinationId, tokens } = this.#toggledKey
    if (this.#isEnabled && tokens.length === 0) {
      const answer = await this.#connection.post('/auth/authenticate', { apiKey, secret })
      if (answer === null) return false
      tokens.push(JSON.parse(answer.body))
    }
    const accessToken = tokens[0]?.accessToken
    if (accessToken === undefined) return true
    // A message that is never accepted, because only the authentication is tested.
    const answer = await this.#connection.post('/endpoint', { Meta: destinationId }, accessToken)
    if (answer === null) return false
    if (answer.status !== (this.#isEnabled ? 400 : 401)) {
      throw new Error(`a key that is ${this.#isEnabled ? 'en' : 'dis'}abled got ${answer.status}`)
    }
    return true
  }

  /** False where an answer was lost. */
  async #expectRefused(revokedKey: RevokedKey, { includeSecret = false } = {}): Promise<boolean> {
    const { apiKey, secret, destinationId, tokens } = revokedKey
    const message = createDeviceNewMessage(destinationId)
    const requests = tokens.flatMap(({ accessToken, refreshToken }) => [
      this.#connection.post('/endpoint', message, accessToken),
      this.#connection.post('/auth/refreshToken', { apiKey, refreshToken }),
    ])
    if (includeSecret)
      requests.push(this.#connection.post('/auth/authenticate', { apiKey, secret }))
    const answers = await Promise.all(requests)
    for (const answer of answers) {
      if (answer !== null && answer.status !== 401) {
        throw new Error(`a revoked key was answered: ${answer.status} ${answer.body}`)
      }
    }
    return !answers.includes(null)
  }
}
