import { execFile } from 'node:child_process'
import { createServer } from 'node:http'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { beforeEach, describe, expect, onTestFinished, test } from 'vitest'
import {
  createIdleSignal,
  createTestWebhookClient,
  createWebhookEndpoint,
  EMPTY_MESSAGE,
} from '../../support/delivery/webhook-client.ts'
import { startHttpUpstream } from '../../support/upstream/servers.ts'

/*
 * The client checks the resolved address at every attempt and connects to exactly that address.
 * The server on this machine stands for an internal service, reachable only when it is allowed.
 */

let inside: Awaited<ReturnType<typeof startHttpUpstream>>
let port: string
beforeEach(async () => {
  inside = await startHttpUpstream()
  onTestFinished(inside.close)
  port = new URL(inside.url).port
})

const deliver = (webhookClient: ReturnType<typeof createTestWebhookClient>, url: string) =>
  webhookClient.deliver(createWebhookEndpoint(url), EMPTY_MESSAGE, createIdleSignal())

describe('an address of this machine or its network, however it is spelt, is not reached:', () => {
  test.each([
    '127.0.0.1',
    '127.0.0.1.',
    '127.0.1',
    '127.1',
    '127.255.255.254',
    '2130706433',
    '0x7f000001',
    '0x7f.1',
    '0x7F.0x0.0x0.0x1',
    '0177.0.0.1',
    '017700000001',
    '0x7f.0.1',
    '%31%32%37.0.0.1',
    '①②⑦.⓪.⓪.①',
    '127。0。0。1',
    '１２７.0.0.1',
    '0',
    '0.0.0.0',
    '[::]',
    '[::1]',
    '[0:0:0:0:0:0:0:1]',
    '[0000:0000:0000:0000:0000:0000:0000:0001]',
    '[::0.0.0.1]',
    '[::127.0.0.1]',
    '[::ffff:127.0.0.1]',
    '[::FFFF:7F00:1]',
    '[0:0:0:0:0:ffff:127.0.0.1]',
    '[::ffff:0:127.0.0.1]',
    '[64:ff9b::127.0.0.1]',
    '[64:ff9b:1::7f00:1]',
    '[2002:7f00:1::]',
    '[2001:0:7f00:1::]',
    '[fe80::1]',
    '[fd00::1]',
    '10.0.0.1',
    '172.16.0.1',
    '192.168.0.1',
    '169.254.169.254',
    '100.64.0.1',
    '255.255.255.255',
    'localhost',
    'LOCALHOST',
  ])('%s', async (host) => {
    const attempt = await deliver(
      createTestWebhookClient({ allowed: [] }),
      `http://${host}:${port}/`,
    )
    expect(attempt).toMatchObject({ outcome: 'forbidden' })
    expect(inside.requests).toEqual([])
  })

  test.each([
    'http://[fe80::1%25eth0]/',
    'http://[::1%25lo]/',
    'http://[::1%lo]/',
    'not a URL',
    '',
  ])('%s, which is no URL', async (url) => {
    const attempt = await deliver(createTestWebhookClient(), url)
    expect(attempt).toEqual({ outcome: 'forbidden', detail: 'it has no URL' })
  })
})

describe('a name is judged by its addresses:', () => {
  test.each([
    ['a loopback address', ['127.0.0.1']],
    ['a private address', ['10.0.0.8']],
    ['a mapped address', ['::ffff:127.0.0.1']],
    ['an address of one link', ['fe80::1%eth0']],
    ['an address of this machine, with a scope', ['::1%lo']],
    ['a public address and a private one', ['93.184.215.14', '192.168.0.1']],
    ['what is no address', ['example']],
  ])('%s is not reached', async (_, addresses) => {
    const webhookClient = createTestWebhookClient({ allowed: [], resolve: async () => addresses })
    const attempt = await deliver(webhookClient, `http://emr.example:${port}/`)
    expect(attempt).toEqual({
      outcome: 'forbidden',
      detail: 'LATCHKEY_DESTINATIONS_ALLOWED does not allow the address of emr.example',
      address: addresses.at(-1),
    })
    expect(inside.requests).toEqual([])
  })

  test('what is allowed is reached', async () => {
    const webhookClient = createTestWebhookClient({ resolve: async () => ['::ffff:127.0.0.1'] })
    const attempt = await deliver(webhookClient, `http://emr.example:${port}/in?a=b`)
    expect(attempt).toEqual({ outcome: 'delivered', status: 200 })
    expect(inside.requests[0]?.url).toBe('/in?a=b')
    expect(inside.requests[0]?.headers).toContainEqual(['host', `emr.example:${port}`])
  })

  test('one that changes between the check and the use is used as it was checked', async () => {
    const answers = [['127.0.0.1'], ['127.0.0.2']]
    let asked = 0
    const resolve = async () => answers[asked++] ?? []
    const webhookClient = createTestWebhookClient({ allowed: ['127.0.0.1'], resolve })
    expect(await deliver(webhookClient, `http://emr.example:${port}/`)).toMatchObject({
      outcome: 'delivered',
    })
    expect(asked).toBe(1)
  })

  test('one that changes between two attempts is judged again, although a connection is kept', async () => {
    const answers = [['127.0.0.1'], ['10.0.0.8']]
    const webhookClient = createTestWebhookClient({ resolve: async () => answers.shift() ?? [] })
    const url = `http://emr.example:${port}/`
    expect(await deliver(webhookClient, url)).toMatchObject({ outcome: 'delivered' })
    expect(await deliver(webhookClient, url)).toMatchObject({ outcome: 'forbidden' })
    expect(inside.requests).toHaveLength(1)
  })

  test('one that moves is followed to its new address, although a connection is kept', async () => {
    let moved = 0
    const other = createServer((_, response) => {
      moved++
      response.end()
    })
    await new Promise<void>((resolve) => other.listen(Number(port), '127.0.0.2', resolve))
    onTestFinished(() => other.close().closeAllConnections())
    const answers = [['127.0.0.1'], ['127.0.0.2']]
    const webhookClient = createTestWebhookClient({ resolve: async () => answers.shift() ?? [] })
    const url = `http://emr.example:${port}/`
    expect(await deliver(webhookClient, url)).toMatchObject({ outcome: 'delivered' })
    expect(await deliver(webhookClient, url)).toMatchObject({ outcome: 'delivered' })
    expect([inside.requests.length, moved]).toEqual([1, 1])
  })

  test.each([['127.0.0.9'], ['192.0.2.1']])(
    'where %s takes no connection, the next address does',
    async (first) => {
      const webhookClient = createTestWebhookClient({
        allowed: ['127.0.0.0/8', '192.0.2.0/24'],
        resolve: async () => [first, '127.0.0.1'],
        connectMs: 200,
      })
      const attempt = await deliver(webhookClient, `http://emr.example:${port}/`)
      expect(attempt).toEqual({ outcome: 'delivered', status: 200 })
    },
  )

  test('one that has no address fails', async () => {
    const webhookClient = createTestWebhookClient({ resolve: async () => [] })
    expect(await deliver(webhookClient, `http://emr.example:${port}/`)).toEqual({
      outcome: 'failed',
      detail: 'it has no address',
    })
  })

  test('one whose DNS server does not answer fails in time', async () => {
    const webhookClient = createTestWebhookClient({
      resolve: () => new Promise(() => {}),
      deliveryTimeoutMs: 50,
    })
    expect(await deliver(webhookClient, `http://emr.example:${port}/`)).toEqual({
      outcome: 'failed',
      detail: 'it took too long',
    })
  })
})

test('plain http is for development destinations alone, wherever they are', async () => {
  const webhookClient = createTestWebhookClient()
  const attempt = await webhookClient.deliver(
    createWebhookEndpoint(inside.url, { development: false }),
    EMPTY_MESSAGE,
    createIdleSignal(),
  )
  expect(attempt).toEqual({ outcome: 'forbidden', detail: 'it is not at an https URL' })
  expect(await deliver(webhookClient, inside.url)).toMatchObject({ outcome: 'delivered' })
  expect(inside.requests).toHaveLength(1)
})

test.each(['ftp://127.0.0.1/', 'file:///etc/passwd', 'data:text/plain,x'])(
  '%s is nowhere to send to',
  async (url) => {
    expect(await deliver(createTestWebhookClient(), url)).toMatchObject({ outcome: 'forbidden' })
  },
)

test('a proxy of the environment is not used', async () => {
  const proxy = await startHttpUpstream()
  onTestFinished(proxy.close)
  const proxies = ['HTTP_PROXY', 'HTTPS_PROXY', 'http_proxy', 'https_proxy', 'ALL_PROXY']
  const script = fileURLToPath(
    new URL('../../support/delivery/webhook-process.ts', import.meta.url),
  )
  const { stdout } = await promisify(execFile)(process.execPath, [script, inside.url], {
    env: { NODE_USE_ENV_PROXY: '1', ...Object.fromEntries(proxies.map((n) => [n, proxy.url])) },
  })
  expect(JSON.parse(stdout)).toEqual({ outcome: 'delivered', status: 200 })
  expect([proxy.requests.length, inside.requests.length]).toEqual([0, 1])
})
