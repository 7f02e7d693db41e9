/** One request of the walk-through. */
export interface Step {
  /** Whose dialect it is in. */
  readonly dialect: string
  readonly title: string
  readonly method: string
  readonly path: string
  readonly headers: Readonly<Record<string, string>>
  readonly body: string | null
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

export type Walk = AsyncGenerator<Walked, void>

/** Makes requests of one dialect; `wrong` says what is not as documented of an answer. */
export const stepper = (url: string, dialect: string) =>
  async function* take(
    title: string,
    path: string,
    wish: {
      method?: string
      headers?: Readonly<Record<string, string>>
      body?: string
      wrong: (answer: Answer) => string | null
    },
  ): AsyncGenerator<Walked, Answer> {
    const { method = 'GET', headers = {}, body = null, wrong } = wish
    const response = await fetch(url + path, { method, headers, body })
    const answer = {
      status: response.status,
      type: response.headers.get('content-type') ?? '',
      body: await response.text(),
    }
    yield { step: { dialect, title, method, path, headers, body }, answer, wrong: wrong(answer) }
    return answer
  }

export const notStatus = (status: number, answer: Answer) =>
  answer.status === status ? null : `it answers ${answer.status}, not ${status}`

/** What an answer says, and more if need be. */
export const says =
  (status: number, text: string) =>
  (answer: Answer): string | null =>
    notStatus(status, answer) ?? (answer.body.includes(text) ? null : `it does not say ${text}`)
