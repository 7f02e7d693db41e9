import type { TokenAnswer } from './server.ts'

export interface Answer {
  readonly status: number
  readonly body: string
}

/** The few requests that a vendor's backend makes, over a real socket. */
export function clientOf(url: string) {
  const send = async (path: string, body: string, headers = {}): Promise<Answer> => {
    const answer = await fetch(`${url}${path}`, { method: 'POST', body, headers })
    return { status: answer.status, body: await answer.text() }
  }
  return {
    send,
    authenticate: (apiKey: string, secret: string) =>
      send('/auth/authenticate', JSON.stringify({ apiKey, secret })),
    refresh: (apiKey: string, refreshToken: string) =>
      send('/auth/refreshToken', JSON.stringify({ apiKey, refreshToken })),
    endpoint: (accessToken: string, message: object) =>
      send('/endpoint', JSON.stringify(message), { Authorization: `Bearer ${accessToken}` }),
  }
}

export type Client = ReturnType<typeof clientOf>

export function tokensOf({ status, body }: Answer): TokenAnswer {
  if (status !== 200) throw new Error(`${status} ${body}`)
  return JSON.parse(body) as TokenAnswer
}
