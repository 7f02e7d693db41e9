/*
 * What a vendor may rely on, as a ledger: who was given which tokens, and who has shown to have
 * received them. It knows of no rows, tags or generations, and nothing of how the server decides.
 */

export const SECOND = 1000
export const HOUR = 3600 * SECOND
export const DAY = 24 * HOUR
export const LEEWAY = 60 * SECOND
/** Servers believe each other's clocks as far as that. */
const CLOCKS_DIFFER = 60 * SECOND

/** One answer of the server, in somebody's hands. */
export interface Pair {
  readonly client: Client
  /** How many refreshes lie between the secret and this pair. */
  readonly step: number
  readonly issuedAt: number
  readonly epoch: number
  readonly body: string
  readonly accessToken: string
  readonly refreshToken: string
}

interface Step {
  readonly madeAt: number
  /** Somebody used an access token of this step, or went on from it: it has arrived. */
  arrived: boolean
  /** The answers given for this step, by the second in which they were issued. */
  readonly answers: Map<number, string>
}

/** One integration: it authenticates once and refreshes from then on. */
export interface Client {
  readonly key: Key
  readonly steps: Step[]
  /** Every pair that arrived, in the order of arrival. */
  readonly wallet: Pair[]
  /** The pair that a careful client goes on with: the newest that arrived. */
  held: Pair
  /** Replayed a token although what it was replaced by had arrived long ago. */
  careless: boolean
  convicted: boolean
}

export interface Key {
  readonly index: number
  status: 'enabled' | 'disabled' | 'revoked'
  epoch: number
}

export interface Model {
  now: number
  readonly keys: readonly Key[]
  readonly clients: Client[]
}

/** What the answer to a refresh must be. */
export type Prediction =
  | { status: 401 }
  /** `same`: the very bytes; null where nobody has seen them yet. */
  | { status: 200; step: number; issuedAt: number; same: string | null }

export const wholeSecond = (now: number) => Math.floor(now / SECOND) * SECOND

export const isUsable = ({ key }: Client, { epoch }: Pair) =>
  key.status === 'enabled' && epoch === key.epoch

/** Predicts a refresh, and books what it changes. */
export function refresh(model: Model, pair: Pair): Prediction {
  const { client } = pair
  const tooOld = model.now - pair.issuedAt >= 7 * DAY
  if (!isUsable(client, pair) || tooOld || client.convicted) return { status: 401 }

  const thisSecond = wholeSecond(model.now)
  const next = client.steps[pair.step + 1]
  if (next === undefined) {
    client.steps.push({ madeAt: thisSecond, arrived: false, answers: new Map() })
    return { status: 200, step: pair.step + 1, issuedAt: thisSecond, same: null }
  }

  const newest = client.steps.at(-1) ?? next
  const sideBySide = Math.abs(model.now - newest.madeAt) < LEEWAY
  const wentOnFromThere = newest !== next
  if (!sideBySide && (wentOnFromThere || next.arrived)) {
    client.careless = true
    client.convicted = true
  }
  if (wentOnFromThere || client.convicted) return { status: 401 }
  const lives = model.now < next.madeAt + DAY && next.madeAt <= model.now + CLOCKS_DIFFER
  const issuedAt = lives ? next.madeAt : thisSecond
  return { status: 200, step: pair.step + 1, issuedAt, same: next.answers.get(issuedAt) ?? null }
}

/** Predicts a use of the access token, and books that it arrived. */
export function use(model: Model, pair: Pair): 200 | 401 {
  const { client } = pair
  const over = model.now >= pair.issuedAt + DAY
  const tooEarly = pair.issuedAt > model.now + CLOCKS_DIFFER
  if (!isUsable(client, pair) || over || tooEarly || client.convicted) return 401
  const step = client.steps[pair.step]
  if (step !== undefined && pair.step > 0) step.arrived = true
  return 200
}

/** The promise: a careful client of a usable key gets on with what it holds, for 7 days. */
export const mustGetOn = (model: Model, client: Client): boolean =>
  !client.careless && isUsable(client, client.held) && model.now < client.held.issuedAt + 7 * DAY
