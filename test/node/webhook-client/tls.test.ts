import { createServer as createPlainServer } from 'node:http'
import { createServer } from 'node:https'
import type { TLSSocket } from 'node:tls'
import { afterAll, afterEach, beforeAll, expect, test, vi } from 'vitest'
import {
  type CertificateWithKey,
  createCertificateAuthority,
  createServerCertificate,
} from '../../support/database/certificates.ts'
import {
  createIdleSignal,
  createTestWebhookClient,
  createWebhookEndpoint,
  EMPTY_MESSAGE,
} from '../../support/delivery/webhook-client.ts'
import { type ListeningServer, startListening } from '../../support/upstream/servers.ts'

/*
 * The client connects to a resolved address, but verifies the certificate against the host name.
 */

let authority: CertificateWithKey
let server: ListeningServer
let port: string
const asked: { servername: unknown; host: string | undefined }[] = []

beforeAll(async () => {
  authority = await createCertificateAuthority('Authority of the tests')
  const certified = await createServerCertificate(['emr.example'], authority)
  server = await startListening(
    createServer(certified, (request, response) => {
      const { servername } = request.socket as TLSSocket & { servername?: string }
      asked.push({ servername, host: request.headers.host })
      response.end()
    }),
  )
  port = new URL(server.url).port
})
afterAll(() => server.close())
afterEach(() => {
  vi.unstubAllEnvs()
  asked.splice(0)
})

const resolve = async () => ['127.0.0.1']
const deliver = (host: string, ca?: string) =>
  createTestWebhookClient({ resolve, ...(ca !== undefined && { ca }) }).deliver(
    createWebhookEndpoint(`https://${host}:${port}/`, { development: false }),
    EMPTY_MESSAGE,
    createIdleSignal(),
  )

test('a certificate for the host name, from a known authority, is accepted', async () => {
  expect(await deliver('emr.example', authority.cert)).toEqual({
    outcome: 'delivered',
    status: 200,
  })
  expect(asked).toEqual([{ servername: 'emr.example', host: `emr.example:${port}` }])
})

test.each(['other.example', 'sub.emr.example', '127.0.0.1'])(
  'one of another name than %s is not, and nothing is sent',
  async (host) => {
    const attempt = await deliver(host, authority.cert)
    expect(attempt).toMatchObject({
      outcome: 'failed',
      detail: 'its certificate is for another name',
    })
    expect(asked).toEqual([])
  },
)

test('one of an unknown authority is not, whatever the environment says', async () => {
  for (const lax of ['', '0']) {
    vi.stubEnv('NODE_TLS_REJECT_UNAUTHORIZED', lax)
    expect(await deliver('emr.example')).toMatchObject({ outcome: 'failed' })
    expect(asked).toEqual([])
  }
})

test('one that has expired is not, and nothing is sent', async () => {
  const yesterday = new Date(Date.now() - 24 * 60 * 60 * 1000)
  const expired = await startListening(
    createServer(
      await createServerCertificate(['emr.example'], authority, yesterday),
      (_, response) => {
        asked.push({ servername: 'emr.example', host: undefined })
        response.end()
      },
    ),
  )
  const url = `https://emr.example:${new URL(expired.url).port}/`
  const attempt = await createTestWebhookClient({ resolve, ca: authority.cert }).deliver(
    createWebhookEndpoint(url, { development: false }),
    EMPTY_MESSAGE,
    createIdleSignal(),
  )
  expect(attempt).toMatchObject({ outcome: 'failed', detail: 'certificate has expired' })
  expect(asked).toEqual([])
  expired.close()
})

test('a server that speaks no TLS is not spoken to', async () => {
  const plain = await startListening(createPlainServer())
  const url = plain.url.replace('http:', 'https:')
  expect(
    await createTestWebhookClient().deliver(
      createWebhookEndpoint(url),
      EMPTY_MESSAGE,
      createIdleSignal(),
    ),
  ).toMatchObject({
    outcome: 'failed',
  })
  plain.close()
})
