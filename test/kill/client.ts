import { unpackRefreshToken } from '../../src/crypto/token-layouts.ts'
import type { Storage } from '../../src/service/ports/storage.ts'
import type { SeededRandom } from '../support/random.ts'
import { createDeviceNewMessage, type TokenResponse } from '../support/server.ts'
import type { KillCounts, KilledConnection, KilledResponse } from './lane.ts'
import type { MessageLedger } from './ledger.ts'

export interface KilledClientKey {
  readonly apiKey: string
  readonly secret: string
  readonly destinationIds: readonly [string, string]
}

/** A vendor's backend: keeps its tokens, and repeats requests whose response did not arrive. */
export class KilledVendor {
  readonly #key: KilledClientKey
  readonly #connection: KilledConnection
  readonly #ledger: MessageLedger
  readonly #storage: Pick<Storage, 'findGrant'>
  readonly #counts: KillCounts
  readonly #chance: SeededRandom
  /** The newest tokens that arrived. */
  #tokens: TokenResponse | null = null
  /** The access tokens of this chain before it, which live on. */
  #previousAccessTokens: string[] = []
  /** The held refresh token was traded in, and no answer came. */
  #isAnswerLost = false
  /** The refresh that gave the held tokens, until their use proves to the server their receipt. */
  #unacknowledged: { refreshToken: string; body: string } | null = null

  constructor(
    key: KilledClientKey,
    connection: KilledConnection,
    ledger: MessageLedger,
    storage: Pick<Storage, 'findGrant'>,
    counts: KillCounts,
    chance: SeededRandom,
  ) {
    this.#key = key
    this.#connection = connection
    this.#ledger = ledger
    this.#storage = storage
    this.#counts = counts
    this.#chance = chance
  }

  /** After a restart: whatever was lost can be had, and the chain goes on. */
  async check(): Promise<void> {
    if (this.#tokens === null) {
      await this.authenticate()
      return
    }
    if (this.#isAnswerLost) {
      if (await this.#wasCommitted(this.#tokens.refreshToken)) this.#counts.lostAfterCommit++
      await this.refresh()
    }
    await this.repeat()
    await this.refresh()
  }

  /** Until an answer is lost. */
  async work(): Promise<void> {
    while (await this.#actAtRandom());
  }

  #actAtRandom(): Promise<boolean> {
    const choice = this.#chance.between(0, 99)
    if (choice < 3) return this.authenticate()
    if (choice < 40) return this.refresh()
    if (choice < 50) return this.refresh(2)
    if (choice < 65) return this.repeat()
    if (choice < 75) return this.send(this.#previousAccessTokens.at(-1))
    return this.send(this.#tokens?.accessToken)
  }

  async authenticate(): Promise<boolean> {
    const { apiKey, secret } = this.#key
    const answer = await this.#connection.post('/auth/authenticate', { apiKey, secret })
    if (answer === null) return false
    this.#tokens = parseTokens(answer)
    this.#previousAccessTokens = []
    this.#isAnswerLost = false
    this.#unacknowledged = null
    this.#counts.authentications++
    return true
  }

  /** Trades the held refresh token, from one worker or from several side by side. */
  async refresh(workers = 1): Promise<boolean> {
    if (this.#tokens === null) return this.authenticate()
    const { accessToken, refreshToken } = this.#tokens
    const answers = await Promise.all(
      Array.from({ length: workers }, () => this.#requestRefresh(refreshToken)),
    )
    const responses = answers.filter((answer) => answer !== null)
    const [first] = responses
    if (first === undefined) {
      this.#isAnswerLost = true
      this.#counts.lostAnswers++
      return false
    }
    for (const other of responses) expectSameBody(other, first.body)
    this.#tokens = parseTokens(first)
    this.#previousAccessTokens = [...this.#previousAccessTokens.slice(-2), accessToken]
    this.#isAnswerLost = false
    this.#unacknowledged = { refreshToken, body: first.body }
    this.#counts.refreshes++
    return responses.length === workers
  }

  /** Asks again for the answer that it has. */
  async repeat(): Promise<boolean> {
    if (this.#unacknowledged === null) return true
    const answer = await this.#requestRefresh(this.#unacknowledged.refreshToken)
    if (answer === null) return false
    expectSameBody(answer, this.#unacknowledged.body)
    this.#counts.repeats++
    return true
  }

  /** Sends a message. Using the newest access token says that it arrived, even if the answer does not. */
  async send(accessToken: string | undefined): Promise<boolean> {
    if (accessToken === undefined) return true
    if (accessToken === this.#tokens?.accessToken) this.#unacknowledged = null
    const [first, second] = this.#key.destinationIds
    const message = createDeviceNewMessage(first, { Destinations: [{ ID: first }, { ID: second }] })
    const answer = await this.#connection.post('/endpoint', message, accessToken)
    if (answer === null) return false
    if (answer.status !== 200) throw new Error(`a message was refused: ${answer.body}`)
    const { Meta } = JSON.parse(answer.body) as { Meta: { Logs: { ID: string }[] } }
    this.#ledger.acknowledge(Meta.Logs.map((log) => log.ID))
    this.#counts.messages++
    return true
  }

  #requestRefresh(refreshToken: string): Promise<KilledResponse | null> {
    return this.#connection.post('/auth/refreshToken', { apiKey: this.#key.apiKey, refreshToken })
  }

  async #wasCommitted(refreshToken: string): Promise<boolean> {
    const token = unpackRefreshToken(Buffer.from(refreshToken.slice('rt_'.length), 'base64url'))
    if (token === null) throw new Error('a refresh token that cannot be read')
    const grant = await this.#storage.findGrant(token.grantId)
    return grant !== null && grant.generation > token.generation
  }
}

function parseTokens({ status, body }: KilledResponse): TokenResponse {
  if (status !== 200) throw new Error(`the client is locked out: ${status} ${body}`)
  return JSON.parse(body) as TokenResponse
}

function expectSameBody({ status, body }: KilledResponse, expected: string): void {
  if (status !== 200 || body !== expected) {
    throw new Error(`a repeat is not the same: ${status} ${body}\ninstead of ${expected}`)
  }
}
