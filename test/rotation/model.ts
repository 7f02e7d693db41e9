import { DAY_MS, SECOND_MS } from '../support/time.ts'

/*
 * A ledger of the guarantees to a vendor: which client was issued which tokens, and which client
 * has proven their receipt. The model knows no rows, tags or generations, and nothing of how the
 * server decides.
 */

export const LEEWAY_MS = 60 * SECOND_MS
/** The difference between the clocks of two servers that is tolerated. */
const CLOCK_TOLERANCE_MS = 60 * SECOND_MS

/** One token response of the server, as the client that received it holds it. */
export interface ModelTokenPair {
  readonly client: ModelClient
  /** How many refreshes lie between the secret and this pair. */
  readonly step: number
  readonly issuedAt: number
  readonly epoch: number
  readonly body: string
  readonly accessToken: string
  readonly refreshToken: string
}

interface RotationStep {
  readonly madeAt: number
  /** Somebody used an access token of this step, or went on from it: it has arrived. */
  arrived: boolean
  /** The answers given for this step, by the second in which they were issued. */
  readonly answers: Map<number, string>
}

/** One integration: it authenticates once and refreshes from then on. */
export interface ModelClient {
  readonly key: ModelKey
  readonly steps: RotationStep[]
  /** Every pair that arrived, in the order of arrival. */
  readonly receivedPairs: ModelTokenPair[]
  /** The pair that a careful client goes on with: the newest that arrived. */
  currentPair: ModelTokenPair
  /** Replayed a token although what it was replaced by had arrived long ago. */
  hasReplayed: boolean
  isRevoked: boolean
}

export interface ModelKey {
  readonly index: number
  status: 'enabled' | 'disabled' | 'revoked'
  epoch: number
}

export interface RotationModel {
  now: number
  readonly keys: readonly ModelKey[]
  readonly clients: ModelClient[]
}

/** The response that a refresh must receive. */
export type RefreshPrediction =
  | { status: 401 }
  /** `same`: the exact body; null if no client has received it yet. */
  | { status: 200; step: number; issuedAt: number; same: string | null }

export const floorToWholeSecond = (now: number) => Math.floor(now / SECOND_MS) * SECOND_MS

export const isPairUsable = ({ key }: ModelClient, { epoch }: ModelTokenPair) =>
  key.status === 'enabled' && epoch === key.epoch

/** Predicts a refresh, and books what it changes. */
export function predictRefresh(model: RotationModel, pair: ModelTokenPair): RefreshPrediction {
  const { client } = pair
  const tooOld = model.now - pair.issuedAt >= 7 * DAY_MS
  if (!isPairUsable(client, pair) || tooOld || client.isRevoked) return { status: 401 }

  const thisSecond = floorToWholeSecond(model.now)
  const next = client.steps[pair.step + 1]
  if (next === undefined) {
    client.steps.push({ madeAt: thisSecond, arrived: false, answers: new Map() })
    return { status: 200, step: pair.step + 1, issuedAt: thisSecond, same: null }
  }

  const newest = client.steps.at(-1) ?? next
  const isWithinLeeway = Math.abs(model.now - newest.madeAt) < LEEWAY_MS
  const isSuperseded = newest !== next
  if (!isWithinLeeway && (isSuperseded || next.arrived)) {
    client.hasReplayed = true
    client.isRevoked = true
  }
  if (isSuperseded || client.isRevoked) return { status: 401 }
  const isAlive = model.now < next.madeAt + DAY_MS && next.madeAt <= model.now + CLOCK_TOLERANCE_MS
  const issuedAt = isAlive ? next.madeAt : thisSecond
  return { status: 200, step: pair.step + 1, issuedAt, same: next.answers.get(issuedAt) ?? null }
}

/** Predicts a use of the access token, and books that it arrived. */
export function predictUse(model: RotationModel, pair: ModelTokenPair): 200 | 401 {
  const { client } = pair
  const isExpired = model.now >= pair.issuedAt + DAY_MS
  const isFromFuture = pair.issuedAt > model.now + CLOCK_TOLERANCE_MS
  if (!isPairUsable(client, pair) || isExpired || isFromFuture || client.isRevoked) return 401
  const step = client.steps[pair.step]
  if (step !== undefined && pair.step > 0) step.arrived = true
  return 200
}

/** The promise: a careful client of a usable key gets on with what it holds, for 7 days. */
export const mustSucceed = (model: RotationModel, client: ModelClient): boolean =>
  !client.hasReplayed &&
  isPairUsable(client, client.currentPair) &&
  model.now < client.currentPair.issuedAt + 7 * DAY_MS
