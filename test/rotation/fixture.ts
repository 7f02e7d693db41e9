import { afterEach, beforeEach, expect } from 'vitest'
import {
  createDeviceNewMessage,
  createTestServer,
  seedKey,
  type TestServer,
  type TokenResponse,
} from '../support/server.ts'
import { DAY_MS } from '../support/time.ts'
import { decodeAccessToken } from '../support/tokens.ts'

export let server: TestServer
export let key: Awaited<ReturnType<typeof seedKey>>

export async function issueTokens(at = server, of = key): Promise<TokenResponse> {
  const answer = await at.authenticate(of.apiKey, of.secret)
  expect(answer.status).toBe(200)
  return (await answer.json()) as TokenResponse
}

/** Refreshes the tokens, and returns the bytes of the answer. */
export async function refreshForBody(refreshToken: string, at = server, of = key): Promise<string> {
  const answer = await at.refresh(of.apiKey, refreshToken)
  const body = await answer.text()
  expect([answer.status, body]).toEqual([200, body])
  return body
}
export const refresh = async (refreshToken: string, at = server) =>
  JSON.parse(await refreshForBody(refreshToken, at)) as TokenResponse

export async function expectRefused(refreshToken: string, at = server, of = key) {
  const answer = await at.refresh(of.apiKey, refreshToken)
  expect([answer.status, await answer.text()]).toEqual([401, 'Invalid request'])
}

/** Sends a message, and returns the status: 200 acknowledges the token. */
export const sendMessageWith = async ({ accessToken }: TokenResponse, at = server, of = key) =>
  (
    await at.endpoint(
      accessToken,
      createDeviceNewMessage(of.destinationId, { Source: { ID: of.sourceId } }),
    )
  ).status

export const findGrantRow = async (tokens: TokenResponse, at = server) =>
  at.storage.findGrant(decodeAccessToken(tokens).grantId)
export const listActions = async (subject: string) =>
  (await server.storage.listEvents({ subject, limit: 100 })).map(({ action }) => action)

export const toIssuedAt = ({ expires }: TokenResponse) => Date.parse(expires) - DAY_MS

/** Restarts the server. `change` runs while it is stopped. */
export async function restartServer(change: () => void): Promise<void> {
  const { dir, clock } = server
  await server.storage.close()
  change()
  server = await createTestServer({}, { dir, clock })
}

export function useRotationServer(): void {
  beforeEach(async () => {
    server = await createTestServer()
    key = await seedKey(server)
  })
  afterEach(() => server.close())
}
