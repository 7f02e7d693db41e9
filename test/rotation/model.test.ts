import fc from 'fast-check'
import { expect, test } from 'vitest'
import { unwrap } from '../support/server.ts'
import { DAY_MS, HOUR_MS, SECOND_MS } from '../support/time.ts'
import {
  floorToWholeSecond,
  LEEWAY_MS,
  type ModelClient,
  type ModelTokenPair,
  predictRefresh,
  type RotationModel,
} from './model.ts'
import {
  keepPair,
  presentRefreshToken,
  processes,
  type Real,
  receive,
  refreshCurrent,
  seeded,
  setup,
  tryAccess,
  useProcesses,
  type Via,
} from './real-processes.ts'

useProcesses()

type Command = fc.AsyncCommand<RotationModel, Real>

const command = (
  name: string,
  run: (model: RotationModel, real: Real) => Promise<void>,
  check: (model: Readonly<RotationModel>) => boolean = () => true,
): Command => ({ check, run, toString: () => name })

/** A command of some client, where there is one. */
const createClientCommand = (
  name: string,
  n: number,
  run: (model: RotationModel, real: Real, client: ModelClient) => Promise<void>,
) =>
  command(
    `${name}(client ${n})`,
    async (model, real) => {
      const client = model.clients[n % model.clients.length]
      if (client !== undefined) await run(model, real, client)
    },
    ({ clients }) => clients.length > 0,
  )

/** Finds the pair that the client received so many pairs before the newest. */
const findOlderPair = ({ receivedPairs, currentPair }: ModelClient, age: number) =>
  receivedPairs[receivedPairs.length - 1 - (age % receivedPairs.length)] ?? currentPair

const n = fc.nat(5)
const via = fc.constantFrom<Via>(0, 1)
const keyIndex = fc.constantFrom<0 | 1>(0, 1)

const issue = fc.tuple(keyIndex, via).map(([k, via]) =>
  command(
    `issue(key ${k})`,
    async (model, real) => {
      const key = model.keys[k]
      if (key === undefined) return
      const { apiKey, secret } = seeded(real, { key })
      const answer = await processes[via].authenticate(apiKey, secret)
      const body = await answer.text()
      expect(answer.status).toBe(key.status === 'enabled' ? 200 : 401)
      if (answer.status !== 200) return
      const issuedAt = floorToWholeSecond(model.now)
      const client: ModelClient = {
        key,
        steps: [{ madeAt: issuedAt, arrived: true, answers: new Map() }],
        receivedPairs: [],
        hasReplayed: false,
        isRevoked: false,
        currentPair: null as unknown as ModelTokenPair,
      }
      keepPair(receive(client, body, { step: 0, issuedAt, same: null }))
      model.clients.push(client)
    },
    ({ clients }) => clients.length < 6,
  ),
)

const refreshes = fc.tuple(n, via).map(([n, via]) =>
  createClientCommand('refresh', n, async (model, real, client) => {
    keepPair(await refreshCurrent(model, real, client, via))
  }),
)

const loses = fc.tuple(n, via).map(([n, via]) =>
  createClientCommand('refresh, losing the answer', n, async (model, real, client) => {
    await refreshCurrent(model, real, client, via)
  }),
)

const crowds = fc.tuple(n, via).map(([n, via]) =>
  createClientCommand('refresh side by side', n, async (model, real, client) => {
    const expected = predictRefresh(model, client.currentPair)
    const { apiKey } = seeded(real, client)
    const bodies = await Promise.all(
      [0, 1, 2, 3, 4].map(async (worker) => {
        const at = processes[((via + worker) % 2) as Via]
        const answer = await at.refresh(apiKey, client.currentPair.refreshToken)
        expect(answer.status).toBe(expected.status)
        return answer.text()
      }),
    )
    expect(new Set(bodies).size).toBe(1)
    if (expected.status === 200) keepPair(receive(client, bodies[0] ?? '', expected))
  }),
)

const replays = fc.tuple(n, fc.nat(4), via).map(([n, age, via]) =>
  createClientCommand(`replay(${age} before)`, n, async (model, real, client) => {
    const pair = await presentRefreshToken(model, real, findOlderPair(client, age), via)
    if (pair !== null && pair.step > client.currentPair.step) keepPair(pair)
    else if (pair !== null) client.receivedPairs.splice(-1, 0, pair)
  }),
)

const repeats = fc.tuple(n, fc.nat(2), via).map(([n, age, via]) =>
  createClientCommand(`repeat(${age} before)`, n, async (model, real, client) => {
    const pair = findOlderPair(client, age)
    const first = await presentRefreshToken(model, real, pair, via)
    const secondResult = await presentRefreshToken(model, real, pair, via === 0 ? 1 : 0)
    expect(secondResult?.body).toBe(first?.body)
    if (secondResult !== null && secondResult.step > client.currentPair.step) keepPair(secondResult)
  }),
)

const uses = fc.tuple(n, fc.nat(3), via).map(([n, age, via]) =>
  createClientCommand(`use(${age} before)`, n, async (model, real, client) => {
    await tryAccess(model, real, findOlderPair(client, age), via)
  }),
)

const carriesOn = fc.tuple(n, via).map(([n, via]) =>
  createClientCommand('refresh and use', n, async (model, real, client) => {
    keepPair(await refreshCurrent(model, real, client, via))
    await tryAccess(model, real, client.currentPair, via)
  }),
)

const operates = fc
  .tuple(keyIndex, via, fc.constantFrom('disable', 'enable', 'enable', 'rotate'))
  .map(([k, via, act]) =>
    command(`${act}(key ${k})`, async (model, real) => {
      const [key, of] = [model.keys[k], real.keys[k]]
      if (key === undefined || of === undefined) return
      const { keys } = processes[via]
      if (act === 'rotate') {
        const rotated = await keys.rotateSecret(of.keyId, {})
        expect(rotated.ok).toBe(key.status !== 'revoked')
        if (!rotated.ok) return
        real.keys[k] = { ...of, secret: rotated.value.secret }
        key.epoch++
      } else {
        const changed = await (act === 'enable' ? keys.enable(of.keyId) : keys.disable(of.keyId))
        expect(changed.ok).toBe(key.status !== 'revoked')
        if (changed.ok) key.status = act === 'enable' ? 'enabled' : 'disabled'
      }
    }),
  )

const revokes = fc.tuple(keyIndex, via).map(([k, via]) =>
  command(
    `revoke(key ${k})`,
    async (model, real) => {
      const [key, of] = [model.keys[k], real.keys[k]]
      if (key === undefined || of === undefined) return
      unwrap(await processes[via].keys.revoke(of.keyId))
      key.status = 'revoked'
    },
    ({ keys }) => keys[k]?.status !== 'revoked',
  ),
)

const turns = fc
  .oneof(
    fc.constantFrom(
      SECOND_MS,
      LEEWAY_MS - 1,
      LEEWAY_MS,
      LEEWAY_MS + SECOND_MS,
      HOUR_MS,
      DAY_MS - 1,
      DAY_MS,
      25 * HOUR_MS,
    ),
    fc.constantFrom(3 * DAY_MS, 6 * DAY_MS, 7 * DAY_MS - 1, 7 * DAY_MS, 15 * DAY_MS),
    fc.integer({ min: 1, max: 2 * HOUR_MS }),
    fc.integer({ min: 1, max: 2 * SECOND_MS }),
    // A clock that is set back, by a step or by a wrong time zone.
    fc.constantFrom(
      -SECOND_MS,
      1 - LEEWAY_MS,
      -LEEWAY_MS,
      -LEEWAY_MS - SECOND_MS,
      -HOUR_MS,
      -14 * HOUR_MS,
    ),
    fc.integer({ min: -2 * LEEWAY_MS, max: -1 }),
  )
  .map((ms) =>
    command(`turn(${ms} ms)`, async (model) => {
      processes[0].clock.advance(ms)
      model.now += ms
    }),
  )

const sweeps = via.map((via) => command('sweep', () => processes[via].deleteExpiredData()))

const createHistory = (commands: { arbitrary: fc.Arbitrary<Command>; weight: number }[]) =>
  fc.commands(
    // Weights, as fc.commands chooses evenly.
    commands.flatMap(({ arbitrary, weight }) =>
      Array<fc.Arbitrary<Command>>(weight).fill(arbitrary),
    ),
    { maxCommands: 60, size: 'max' },
  )

const everything = createHistory([
  { arbitrary: issue, weight: 3 },
  { arbitrary: refreshes, weight: 3 },
  { arbitrary: loses, weight: 3 },
  { arbitrary: crowds, weight: 1 },
  { arbitrary: replays, weight: 2 },
  { arbitrary: repeats, weight: 2 },
  { arbitrary: uses, weight: 3 },
  { arbitrary: carriesOn, weight: 3 },
  { arbitrary: operates, weight: 1 },
  { arbitrary: revokes, weight: 1 },
  { arbitrary: turns, weight: 4 },
  { arbitrary: sweeps, weight: 1 },
])

/** All that a client without a fault of its own may live through. */
const careful = createHistory([
  { arbitrary: issue, weight: 2 },
  { arbitrary: refreshes, weight: 2 },
  { arbitrary: loses, weight: 4 },
  { arbitrary: crowds, weight: 1 },
  { arbitrary: uses, weight: 2 },
  { arbitrary: carriesOn, weight: 3 },
  { arbitrary: turns, weight: 3 },
  { arbitrary: sweeps, weight: 1 },
])

// ── Guarantees ──────────────────────────────────────────────────────────────────────────────────

test('after any history each answer is the one that the model predicts, to the byte', async () => {
  await fc.assert(
    fc.asyncProperty(everything, async (commands) => {
      await fc.asyncModelRun(setup, commands)
    }),
    { numRuns: 50 },
  )
})

test('a client that never presents a replaced and acknowledged token is not locked out in 7 days', async () => {
  let gotOn = 0
  await fc.assert(
    fc.asyncProperty(careful, async (commands) => {
      const state = await setup()
      await fc.asyncModelRun(() => state, commands)
      const { model, real } = state
      for (const client of model.clients) {
        expect([client.hasReplayed, client.isRevoked]).toEqual([false, false])
        if (model.now >= client.currentPair.issuedAt + 7 * DAY_MS) continue
        keepPair(await refreshCurrent(model, real, client, 0))
        expect(await tryAccess(model, real, client.currentPair, 1)).toBe(200)
        gotOn++
      }
    }),
    { numRuns: 30 },
  )
  expect(gotOn).toBeGreaterThan(0)
})

test('of two clients that continue one grant, at most one stays able to refresh', async () => {
  let fought = 0
  await fc.assert(
    fc.asyncProperty(everything, fc.nat(4), fc.nat(4), async (commands, ageA, ageB) => {
      const state = await setup()
      await fc.asyncModelRun(() => state, commands)
      const { model, real } = state
      for (const client of model.clients) {
        let a: ModelTokenPair | null = findOlderPair(client, ageA)
        let b: ModelTokenPair | null = findOlderPair(client, ageB)
        const refreshUntilEnd = async (
          held: ModelTokenPair | null,
        ): Promise<ModelTokenPair | null> => {
          const next = held === null ? null : await presentRefreshToken(model, real, held, 0)
          if (next === null) return null
          expect(await tryAccess(model, real, next, 1)).toBe(200)
          processes[0].clock.advance(LEEWAY_MS)
          model.now += LEEWAY_MS
          return next
        }
        const isAnyAlive = () => isAlive(a) || isAlive(b)
        if (isAnyAlive()) fought++
        for (let round = 0; round < 3; round++) {
          a = await refreshUntilEnd(a)
          b = await refreshUntilEnd(b)
        }
        expect(isAlive(a) && isAlive(b)).toBe(false)
      }
    }),
    { numRuns: 25 },
  )
  expect(fought).toBeGreaterThan(0)
})

const isAlive = (pair: ModelTokenPair | null): boolean => pair !== null && !pair.client.isRevoked
