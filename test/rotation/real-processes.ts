import { afterAll, beforeAll, expect } from 'vitest'
import {
  createDeviceNewMessage,
  createTestServer,
  seedKey,
  type TestServer,
  type TokenResponse,
} from '../support/server.ts'
import { DAY_MS } from '../support/time.ts'
import { decodeAccessToken } from '../support/tokens.ts'
import {
  type ModelClient,
  type ModelTokenPair,
  mustSucceed,
  predictRefresh,
  predictUse,
  type RotationModel,
} from './model.ts'

/** Limits that no history reaches. */
export const UNLIMITED = {
  LATCHKEY_FAILURES_PER_ADDRESS: '1000000000',
  LATCHKEY_QUOTA_REQUESTS: '1000000000',
}

/** Two processes with one database and one clock. */
export let processes: [TestServer, TestServer]

export interface Real {
  readonly keys: Awaited<ReturnType<typeof seedKey>>[]
}

export async function setup(): Promise<{ model: RotationModel; real: Real }> {
  const [server] = processes
  const model: RotationModel = {
    now: server.clock(),
    keys: [0, 1].map((index) => ({ index, status: 'enabled', epoch: 0 })),
    clients: [],
  }
  return { model, real: { keys: [await seedKey(server), await seedKey(server)] } }
}

export const seeded = (real: Real, { key }: Pick<ModelClient, 'key'>) => {
  const of = real.keys[key.index]
  if (of === undefined) throw new Error('there is no such key')
  return of
}

/** The process that answers. */
export type Via = 0 | 1

export async function presentRefreshToken(
  model: RotationModel,
  real: Real,
  pair: ModelTokenPair,
  via: Via,
): Promise<ModelTokenPair | null> {
  const { client } = pair
  const expected = predictRefresh(model, pair)
  const answer = await processes[via].refresh(seeded(real, client).apiKey, pair.refreshToken)
  const body = await answer.text()
  expect(answer.status).toBe(expected.status)
  if (expected.status === 401) {
    expect(body).toBe('Invalid request')
    return null
  }
  return receive(client, body, expected)
}

/** Reads an answer, and compares it with what it must be. */
export function receive(
  client: ModelClient,
  body: string,
  { step, issuedAt, same }: { step: number; issuedAt: number; same: string | null },
): ModelTokenPair {
  const tokens = JSON.parse(body) as TokenResponse
  expect(tokens.expires).toBe(new Date(issuedAt + DAY_MS).toISOString())
  expect(decodeAccessToken(tokens)).toMatchObject({ generation: step, issuedAt })
  const before = client.receivedPairs[0]
  if (before !== undefined) {
    expect(decodeAccessToken(tokens).grantId).toBe(decodeAccessToken(before).grantId)
  }
  if (same !== null) expect(body).toBe(same)
  client.steps[step]?.answers.set(issuedAt, body)
  return { client, step, issuedAt, epoch: client.key.epoch, body, ...tokens }
}

/** Refreshes with the newest pair, as a correct client does; must succeed if the model says so. */
export async function refreshCurrent(
  model: RotationModel,
  real: Real,
  client: ModelClient,
  via: Via,
) {
  const mustWork = mustSucceed(model, client)
  const pair = await presentRefreshToken(model, real, client.currentPair, via)
  if (mustWork) expect(pair).not.toBeNull()
  return pair
}

export async function tryAccess(
  model: RotationModel,
  real: Real,
  pair: ModelTokenPair,
  via: Via,
): Promise<number> {
  const { destinationId } = seeded(real, pair.client)
  const expected = predictUse(model, pair)
  const answer = await processes[via].endpoint(
    pair.accessToken,
    createDeviceNewMessage(destinationId),
  )
  expect(answer.status).toBe(expected)
  return answer.status
}

export function keepPair(pair: ModelTokenPair | null) {
  if (pair === null) return
  pair.client.receivedPairs.push(pair)
  pair.client.currentPair = pair
}

export function useProcesses(): void {
  beforeAll(async () => {
    const one = await createTestServer(UNLIMITED)
    processes = [one, await createTestServer(UNLIMITED, { dir: one.dir, clock: one.clock })]
  })
  afterAll(async () => {
    const [one, two] = processes
    await two.storage.close()
    await one.close()
  })
}
