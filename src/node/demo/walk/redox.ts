import type { Seeded } from '../seed.ts'
import { type Answer, notStatus, stepper, type Walk } from './step.ts'

interface Tokens {
  accessToken: string
  expires: string
  refreshToken: string
}

/** The exchange, step by step. */
export async function* walkRedox(url: string, { redox }: Seeded): Walk {
  const post = stepper(url, 'Redox-style: a key is exchanged for tokens')
  const { apiKey, secret, destinationId } = redox

  const exchanged = yield* take(
    'Exchange the key and its secret for tokens',
    '/auth/authenticate',
    {
      body: { apiKey, secret },
      wrong: notTokens,
    },
  )
  const first = tokensOf(exchanged)

  yield* take('Post a message with the access token', '/endpoint', {
    token: first.accessToken,
    body: deviceNew(destinationId),
    wrong: (answer) => notStatus(200, answer) ?? notAccepted(answer, destinationId),
  })

  const refreshed = yield* take('Refresh: both tokens are new', '/auth/refreshToken', {
    body: { apiKey, refreshToken: first.refreshToken },
    wrong: notTokens,
  })

  yield* take('The answer got lost? Ask again: it is the same, to the byte', '/auth/refreshToken', {
    body: { apiKey, refreshToken: first.refreshToken },
    wrong: (answer) => (answer.body === refreshed.body ? null : 'it is another answer'),
  })

  yield* take('The old access token lives on: jobs under way are not cut off', '/endpoint', {
    token: first.accessToken,
    body: deviceNew(destinationId),
    wrong: (answer) => notStatus(200, answer),
  })

  yield* take('A wrong secret is refused, and tells nothing', '/auth/authenticate', {
    body: { apiKey, secret: 'not-the-secret-at-all' },
    wrong: (answer) =>
      notStatus(401, answer) ?? (answer.body === 'Invalid request' ? null : 'it says too much'),
  })

  /** Posts JSON. */
  function take(
    title: string,
    path: string,
    {
      token,
      body,
      wrong,
    }: { token?: string; body: object; wrong: (answer: Answer) => string | null },
  ) {
    const headers: Record<string, string> = { 'Content-Type': 'application/json' }
    if (token !== undefined) headers.Authorization = `Bearer ${token}`
    return post(title, path, { method: 'POST', headers, body: JSON.stringify(body), wrong })
  }
}

export const deviceNew = (destinationId: string) => ({
  Meta: {
    DataModel: 'Device',
    EventType: 'New',
    EventDateTime: '2015-03-25T20:52:35.000Z',
    Test: true,
    Destinations: [{ ID: destinationId }],
  },
  Device: { ID: 'e167267c-16c9-4fe3-96ae-9cff5703e90a' },
})

function notTokens(answer: Answer): string | null {
  if (answer.status !== 200) return notStatus(200, answer)
  const names = Object.keys(JSON.parse(answer.body)).join()
  if (names !== 'accessToken,expires,refreshToken') return `it has the fields ${names}`
  const { expires } = tokensOf(answer)
  return /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/.test(expires) ? null : `it expires ${expires}`
}

const tokensOf = (answer: Answer): Tokens =>
  answer.status === 200
    ? JSON.parse(answer.body)
    : { accessToken: 'none', expires: '', refreshToken: 'none' }

function notAccepted(answer: Answer, destinationId: string): string | null {
  const { Meta } = JSON.parse(answer.body)
  return Meta?.Destinations?.[0]?.ID === destinationId && Meta.Logs?.length === 1
    ? null
    : 'its Meta is not the documented one'
}
