/** A request of the walk-through, and what was answered. */
export interface Requested {
  readonly kind: 'request'
  readonly method: string
  /** As it is shown: the path alone where it is Latchkey that is asked. */
  readonly path: string
  readonly headers: Readonly<Record<string, string>>
  readonly body: string | null
  readonly answer: Answer
}

export interface Answer {
  readonly status: number
  readonly type: string
  readonly body: string
}

/** A command as a person types it, and what it printed. */
export interface Commanded {
  readonly kind: 'command'
  readonly line: string
  readonly printed: string
}

/** One step of the walk-through. */
export interface Walked {
  /** The heading that it stands under. */
  readonly part: string
  readonly title: string
  readonly did: Requested | Commanded
  /** What is not as documented; null where everything is. */
  readonly wrong: string | null
}

export type Walk = AsyncGenerator<Walked, void>

/** Makes requests under one heading; `wrong` says what is not as documented of an answer. */
export const stepper = (url: string, part: string, shownUrl = '') =>
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
    const response = await fetch(url + path, { method, headers, body, redirect: 'manual' })
    const answer = {
      status: response.status,
      type: response.headers.get('content-type') ?? '',
      body: await response.text(),
    }
    const did = { kind: 'request', method, path: shownUrl + path, headers, body, answer } as const
    yield { part, title, did, wrong: wrong(answer) }
    return answer
  }

export const notStatus = (status: number, answer: Answer) =>
  answer.status === status ? null : `it answers ${answer.status}, not ${status}`

/** What an answer says, and more if need be. */
export const says =
  (status: number, text: string) =>
  (answer: Answer): string | null =>
    notStatus(status, answer) ?? (answer.body.includes(text) ? null : `it does not say ${text}`)
