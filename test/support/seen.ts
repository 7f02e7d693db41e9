import { expect } from 'vitest'

export const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/

/** Everything that a caller can see of an answer. */
export async function seen(answer: Response) {
  return {
    status: answer.status,
    headers: Object.fromEntries(answer.headers),
    body: await answer.text(),
  }
}

/** An answer of this server's own, to be compared with all that is seen. */
export const ownAnswer = (
  status: number,
  body: object,
  headers: Readonly<Record<string, string>> = {},
) => ({
  status,
  headers: {
    'cache-control': 'no-store',
    'content-type': 'application/json; charset=utf-8',
    'x-content-type-options': 'nosniff',
    'x-request-id': expect.stringMatching(UUID),
    ...headers,
  },
  body: JSON.stringify(body),
})

/** Its kin, to be told apart from it by nothing: the request id differs by its nature. */
export async function seenButId(answer: Response) {
  const { headers, ...rest } = await seen(answer)
  const { 'x-request-id': id, ...others } = headers
  expect(id).toMatch(UUID)
  return { ...rest, headers: others }
}
