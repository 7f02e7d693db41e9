import { unpackToken } from '../../../src/crypto/refresh-token.ts'
import type { Storage } from '../../../src/service/ports.ts'
import type { Chance } from '../../soak/chance.ts'
import { deviceNew, type TokenAnswer } from '../server.ts'
import type { Counts } from './counts.ts'
import type { Ledger } from './ledger.ts'
import type { Answer, Line } from './line.ts'

export interface ClientKey {
  readonly apiKey: string
  readonly secret: string
  readonly destinationIds: readonly [string, string]
}

/** A vendor's backend: it keeps what it was given, and asks again for what did not arrive. */
export class Client {
  readonly #key: ClientKey
  readonly #line: Line
  readonly #ledger: Ledger
  readonly #storage: Pick<Storage, 'findGrant'>
  readonly #counts: Counts
  readonly #chance: Chance
  /** The newest tokens that arrived. */
  #held: TokenAnswer | null = null
  /** The access tokens of this chain before it, which live on. */
  #older: string[] = []
  /** The held refresh token was traded in, and no answer came. */
  #isLost = false
  /** How the held tokens were got, as long as nothing has told the server that they arrived. */
  #unused: { refreshToken: string; body: string } | null = null

  constructor(
    key: ClientKey,
    line: Line,
    ledger: Ledger,
    storage: Pick<Storage, 'findGrant'>,
    counts: Counts,
    chance: Chance,
  ) {
    this.#key = key
    this.#line = line
    this.#ledger = ledger
    this.#storage = storage
    this.#counts = counts
    this.#chance = chance
  }

  /** After a restart: whatever was lost can be had, and the chain goes on. */
  async check(): Promise<void> {
    if (this.#held === null) {
      await this.authenticate()
      return
    }
    if (this.#isLost) {
      if (await this.#wasCarriedOut(this.#held.refreshToken)) this.#counts.lostAfterCommit++
      await this.refresh()
    }
    await this.repeat()
    await this.refresh()
  }

  /** Until an answer is lost. */
  async work(): Promise<void> {
    while (await this.#act());
  }

  #act(): Promise<boolean> {
    const drawn = this.#chance.between(0, 99)
    if (drawn < 3) return this.authenticate()
    if (drawn < 40) return this.refresh()
    if (drawn < 50) return this.refresh(2)
    if (drawn < 65) return this.repeat()
    if (drawn < 75) return this.send(this.#older.at(-1))
    return this.send(this.#held?.accessToken)
  }

  async authenticate(): Promise<boolean> {
    const { apiKey, secret } = this.#key
    const answer = await this.#line.post('/auth/authenticate', { apiKey, secret })
    if (answer === null) return false
    this.#held = tokens(answer)
    this.#older = []
    this.#isLost = false
    this.#unused = null
    this.#counts.authentications++
    return true
  }

  /** Trades the held refresh token, from one worker or from several side by side. */
  async refresh(workers = 1): Promise<boolean> {
    if (this.#held === null) return this.authenticate()
    const { accessToken, refreshToken } = this.#held
    const answers = await Promise.all(
      Array.from({ length: workers }, () => this.#askFor(refreshToken)),
    )
    const arrived = answers.filter((answer) => answer !== null)
    const [first] = arrived
    if (first === undefined) {
      this.#isLost = true
      this.#counts.lostAnswers++
      return false
    }
    for (const other of arrived) same(other, first.body)
    this.#held = tokens(first)
    this.#older = [...this.#older.slice(-2), accessToken]
    this.#isLost = false
    this.#unused = { refreshToken, body: first.body }
    this.#counts.refreshes++
    return arrived.length === workers
  }

  /** Asks again for the answer that it has. */
  async repeat(): Promise<boolean> {
    if (this.#unused === null) return true
    const answer = await this.#askFor(this.#unused.refreshToken)
    if (answer === null) return false
    same(answer, this.#unused.body)
    this.#counts.repeats++
    return true
  }

  /** Sends a message. Using the newest access token says that it arrived, even if the answer does not. */
  async send(accessToken: string | undefined): Promise<boolean> {
    if (accessToken === undefined) return true
    if (accessToken === this.#held?.accessToken) this.#unused = null
    const [first, second] = this.#key.destinationIds
    const message = deviceNew(first, { Destinations: [{ ID: first }, { ID: second }] })
    const answer = await this.#line.post('/endpoint', message, accessToken)
    if (answer === null) return false
    if (answer.status !== 200) throw new Error(`a message was refused: ${answer.body}`)
    const { Meta } = JSON.parse(answer.body) as { Meta: { Logs: { ID: string }[] } }
    this.#ledger.acknowledge(Meta.Logs.map((log) => log.ID))
    this.#counts.messages++
    return true
  }

  #askFor(refreshToken: string): Promise<Answer | null> {
    return this.#line.post('/auth/refreshToken', { apiKey: this.#key.apiKey, refreshToken })
  }

  async #wasCarriedOut(refreshToken: string): Promise<boolean> {
    const token = unpackToken(Buffer.from(refreshToken.slice('rt_'.length), 'base64url'))
    if (token === null) throw new Error('a refresh token that cannot be read')
    const grant = await this.#storage.findGrant(token.grantId)
    return grant !== null && grant.generation > token.generation
  }
}

function tokens({ status, body }: Answer): TokenAnswer {
  if (status !== 200) throw new Error(`the client is locked out: ${status} ${body}`)
  return JSON.parse(body) as TokenAnswer
}

function same({ status, body }: Answer, expected: string): void {
  if (status !== 200 || body !== expected) {
    throw new Error(`a repeat is not the same: ${status} ${body}\ninstead of ${expected}`)
  }
}
