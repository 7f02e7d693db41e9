import { expect } from 'vitest'
import type { TokenResponse } from './server.ts'

export const REQUEST_ID_PATTERN = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/

/** Everything that a caller can see of an answer. */
export async function readResponse(answer: Response) {
  return {
    status: answer.status,
    headers: Object.fromEntries(answer.headers),
    body: await answer.text(),
  }
}

/** An answer of this server's own, to be compared with all that is seen. */
export const expectedJsonResponse = (
  status: number,
  body: object,
  headers: Readonly<Record<string, string>> = {},
) => ({
  status,
  headers: {
    'cache-control': 'no-store',
    'content-type': 'application/json; charset=utf-8',
    'x-content-type-options': 'nosniff',
    'x-request-id': expect.stringMatching(REQUEST_ID_PATTERN),
    ...headers,
  },
  body: JSON.stringify(body),
})

/** Its kin, to be told apart from it by nothing: the request id differs by its nature. */
export async function readResponseWithoutId(answer: Response) {
  const { headers, ...rest } = await readResponse(answer)
  const { 'x-request-id': id, ...others } = headers
  expect(id).toMatch(REQUEST_ID_PATTERN)
  return { ...rest, headers: others }
}

export async function parseTokens(response: Response): Promise<TokenResponse> {
  expect(response.status).toBe(200)
  return (await response.json()) as TokenResponse
}
