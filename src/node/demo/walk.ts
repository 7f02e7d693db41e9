import type { Seeded } from './seed.ts'

/** One request of the walk-through. `expect` says what is wrong with the answer; null when nothing is. */
export interface Step {
  readonly title: string
  readonly path: string
  readonly headers: Readonly<Record<string, string>>
  readonly body: string
}

export interface Answer {
  readonly status: number
  readonly type: string
  readonly body: string
}

export interface Walked {
  readonly step: Step
  readonly answer: Answer
  /** What is not as documented; null where everything is. */
  readonly wrong: string | null
}

interface Tokens {
  accessToken: string
  expires: string
  refreshToken: string
}

/** Performs the exchange against a running server, step by step. */
export async function* walk(url: string, { redox }: Seeded): AsyncGenerator<Walked> {
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

  async function* take(
    title: string,
    path: string,
    wish: { token?: string; body: object; wrong: (answer: Answer) => string | null },
  ): AsyncGenerator<Walked, Answer> {
    const headers: Record<string, string> = { 'Content-Type': 'application/json' }
    if (wish.token !== undefined) headers.Authorization = `Bearer ${wish.token}`
    const step = { title, path, headers, body: JSON.stringify(wish.body) }
    const response = await fetch(url + path, { method: 'POST', headers, body: step.body })
    const answer = {
      status: response.status,
      type: response.headers.get('content-type') ?? '',
      body: await response.text(),
    }
    yield { step, answer, wrong: wish.wrong(answer) }
    return answer
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

const notStatus = (status: number, answer: Answer) =>
  answer.status === status ? null : `it answers ${answer.status}, not ${status}`

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
