import { expect, test } from 'vitest'
import { describeFinding } from '../../src/simulator/findings.ts'
import { ClientJudge, type JudgedAnswer } from '../../src/simulator/judge.ts'
import type { ClientRequest } from '../../src/simulator/read-request.ts'
import { DAY_MS, HOUR_MS, MINUTE_MS, SECOND_MS } from '../support/time.ts'

const START = Date.UTC(2026, 0, 2)
const LIFE_MS = DAY_MS

const REQUEST: ClientRequest = {
  kind: 'api',
  path: '/endpoint',
  key: 'k1',
  accessToken: null,
  refreshToken: null,
  secret: null,
  assertionIssuedAt: null,
  hasSecretInUrl: false,
}

/** A client and a server in one, so that a test is a list of what both do. */
function createScene() {
  const judge = new ClientJudge({ graceMs: SECOND_MS })
  let at = START
  let count = 0
  const findMoment = () => ({ at, monotonicAt: at })
  const answer = (change: Partial<JudgedAnswer>): JudgedAnswer => ({
    status: 200,
    requestId: `r${++count}`,
    isDelivered: true,
    retryAfterMs: null,
    issued: null,
    ...change,
  })
  const begin = (request: Partial<ClientRequest>) =>
    judge.begin({ ...REQUEST, ...request }, findMoment())
  const end = (judged: ReturnType<typeof begin>, change: Partial<JudgedAnswer>) =>
    judge.end(judged, answer(change), findMoment())
  const issue = (n: number) => ({
    accessToken: `at-${n}`,
    expiresAt: at + LIFE_MS,
    refreshToken: `rt-${n}`,
  })
  const send = (request: Partial<ClientRequest>, change: Partial<JudgedAnswer> = {}) =>
    end(begin(request), change)
  return {
    judge,
    begin,
    end,
    send,
    wait(ms: number) {
      at += ms
    },
    jump(ms: number) {
      judge.noteJump(findMoment())
      at += ms
    },
    authenticate: (n: number, change: Partial<JudgedAnswer> = {}) =>
      send({ kind: 'authenticate', secret: 's' }, { issued: issue(n), ...change }),
    refresh: (from: number, n: number, change: Partial<JudgedAnswer> = {}) =>
      send({ kind: 'refresh', refreshToken: `rt-${from}` }, { issued: issue(n), ...change }),
    use: (n: number, change: Partial<JudgedAnswer> = {}) =>
      send({ accessToken: `at-${n}` }, change),
    refuse: { status: 401, issued: null },
    get summaries() {
      return judge.findings.map(describeFinding).map(({ summary }) => summary)
    },
  }
}

test('a client that renews at 85 % of the life, and once more after a 401, has no findings', () => {
  const scene = createScene()
  scene.authenticate(1)
  for (let n = 1; n < 20; n++) {
    scene.use(n)
    scene.wait(0.85 * LIFE_MS)
    if (n % 2 === 0) scene.authenticate(n + 1)
    else scene.refresh(n, n + 1)
  }
  scene.use(20, scene.refuse)
  scene.authenticate(21)
  scene.use(21)
  expect(scene.summaries).toEqual([])
})

test('a token that was used after its end is found, with the longest time, the requests and the advice', () => {
  const scene = createScene()
  scene.authenticate(1)
  scene.wait(LIFE_MS + 31 * SECOND_MS)
  scene.use(1)
  scene.wait(-10 * SECOND_MS)
  scene.use(1)
  expect(scene.judge.findings.map(describeFinding)).toEqual([
    {
      code: 'used_ended_token',
      key: 'k1',
      count: 2,
      summary: 'used a token 31 s after its end',
      advice: expect.stringContaining('Date header'),
      firstAt: '2026-01-03T00:00:31.000Z',
      lastAt: '2026-01-03T00:00:21.000Z',
      requestIds: ['r2', 'r3'],
    },
  ])
})

test('a token that ended while the clock was moved is the client’s fault only after the next answer', () => {
  const scene = createScene()
  scene.authenticate(1)
  scene.jump(8 * DAY_MS)
  scene.use(1, { status: 503 })
  expect(scene.summaries).toEqual([])
  scene.wait(1)
  scene.use(1)
  expect(scene.summaries).toEqual(['used a token 7 d after its end'])
})

test('a token that was refused may be on its way, and in three other processes', () => {
  const scene = createScene()
  scene.authenticate(1)
  scene.use(1, scene.refuse)
  scene.wait(SECOND_MS)
  scene.use(1, scene.refuse)
  expect(scene.summaries).toEqual([])
  for (let n = 0; n < 3; n++) {
    scene.wait(MINUTE_MS)
    scene.use(1, scene.refuse)
  }
  expect(scene.summaries).toEqual([])
  scene.use(1, scene.refuse)
  expect(scene.summaries).toEqual(['used a token again that had been refused'])
})

test('token requests at once are counted, but not one that follows a lost answer', () => {
  const scene = createScene()
  scene.authenticate(1, { isDelivered: false })
  scene.authenticate(2)
  scene.wait(0.9 * LIFE_MS)
  const requests = [1, 2, 3].map(() => scene.begin({ kind: 'refresh', refreshToken: 'rt-2' }))
  for (const request of requests) scene.end(request, {})
  expect(scene.summaries).toEqual(['refreshed 3 times at once'])
})

test('a refresh token may be used again if its answer was lost, and only then', () => {
  const scene = createScene()
  scene.authenticate(1)
  scene.wait(0.9 * LIFE_MS)
  scene.refresh(1, 2, { isDelivered: false })
  scene.refresh(1, 2)
  expect(scene.summaries).toEqual([])
  scene.wait(0.9 * LIFE_MS)
  scene.refresh(1, 3)
  expect(scene.summaries).toEqual(['presented a refresh token that had been used'])
})

test('a refused refresh asks for an authentication, not for the same refresh', () => {
  const scene = createScene()
  scene.authenticate(1)
  scene.wait(0.9 * LIFE_MS)
  scene.refresh(1, 2, scene.refuse)
  scene.wait(HOUR_MS)
  scene.refresh(1, 2, scene.refuse)
  scene.refresh(1, 2, scene.refuse)
  expect(scene.summaries).toEqual(['sent a refused refresh token again, 2 times'])
})

test('Retry-After is a time in which no token request comes', () => {
  const scene = createScene()
  scene.authenticate(1, { status: 503, issued: null, retryAfterMs: 30 * SECOND_MS })
  scene.wait(2 * SECOND_MS)
  scene.authenticate(1, { status: 503, issued: null, retryAfterMs: 30 * SECOND_MS })
  scene.wait(30 * SECOND_MS)
  scene.authenticate(1)
  expect(scene.summaries).toEqual(['ignored Retry-After: asked again after 2 s of 30 s'])
})

test('a refresh long before the end is found', () => {
  const scene = createScene()
  scene.authenticate(1)
  scene.wait(HOUR_MS)
  scene.refresh(1, 2)
  expect(scene.summaries).toEqual(['refreshed a token 23 h before its end'])
})

test('an authentication for each request is found; some restarts are none', () => {
  const scene = createScene()
  for (let n = 0; n < 4; n++) {
    scene.authenticate(n)
    scene.use(n)
  }
  expect(scene.summaries).toEqual([])
  for (let n = 4; n < 10; n++) {
    scene.authenticate(n)
    scene.use(n)
  }
  expect(scene.summaries).toEqual([
    'authenticated for each request: 9 tokens in a row were used once or never',
  ])
})

test.each([
  [false, 'sent a refused secret again without a pause, 3 times'],
  [true, 'kept using a revoked key: 3 more requests after its refusal'],
])(
  'a refused secret is found if it comes again without a pause (revoked: %s)',
  (isRevoked, summary) => {
    const scene = createScene()
    if (isRevoked) scene.judge.noteRevocation('k1')
    for (let n = 0; n < 4; n++) scene.authenticate(n, scene.refuse)
    expect(scene.summaries).toEqual([summary])
  },
)

test('a refused secret may come again after pauses, ten times', () => {
  const scene = createScene()
  for (let n = 0; n < 10; n++) {
    scene.authenticate(n, scene.refuse)
    scene.wait(MINUTE_MS)
  }
  expect(scene.summaries).toEqual([])
  scene.authenticate(10, scene.refuse)
  expect(scene.summaries).toEqual(['sent a refused secret again without a pause, 1 times'])
})

test('a secret in a URL is found', () => {
  const scene = createScene()
  scene.send({ hasSecretInUrl: true })
  expect(scene.summaries).toEqual(['sent a secret in a URL'])
})

test('an assertion may have the date of a wrong clock until the first answer shows the right one', () => {
  const scene = createScene()
  const dated = { kind: 'authenticate', assertionIssuedAt: START + HOUR_MS } as const
  scene.send(dated, { status: 400 })
  expect(scene.summaries).toEqual([])
  scene.send(dated, { status: 400 })
  expect(scene.summaries).toContain('dated an assertion 60 min away from the server’s clock')
})

test('the keys of two clients are judged apart', () => {
  const scene = createScene()
  const [one, other] = ['k1', 'k2'].map((key) => scene.begin({ kind: 'authenticate', key }))
  for (const request of [one, other]) if (request) scene.end(request, {})
  expect(scene.summaries).toEqual([])
})
