import { createHash, randomBytes } from 'node:crypto'
import { existsSync, readFileSync, rmSync } from 'node:fs'
import { createServer, type ServerResponse } from 'node:http'
import { buffer } from 'node:stream/consumers'
import { pipeline } from 'node:stream/promises'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, beforeAll, expect, test } from 'vitest'
import {
  authenticateVendor,
  type OfflineVendor,
  seedOfflineVendor,
} from '../../support/delivery/delivery-worker.ts'
import { type ServerProcess, startServerProcess } from '../../support/process.ts'
import { RawConnection } from '../../support/raw-connection.ts'
import { createDeviceNewMessage, createTempFolder } from '../../support/server.ts'
import { type ListeningServer, startListening } from '../../support/upstream/servers.ts'

/*
 * The longest messages and the longest answers, and what a server in a process of its own holds of
 * them in memory.
 */

/** As documented. */
const MESSAGE_LIMIT_BYTES = 40 * 1024 * 1024
/** Long enough to wait for its place. */
const LONG_MESSAGE_BYTES = 4 * 1024 * 1024
/** Long messages that are on their way at once. */
const CONCURRENT_DELIVERIES = 4
/** Long messages that are taken at once: 512 MB of them. */
const CONCURRENT_LONG_MESSAGES = 12
const LONG_MESSAGE_PATHS = ['/0', '/1', '/2', '/3', '/4', '/5']
/**
 * 130 MB at rest, some 450 MB more while a message of 40 MB is taken, 130 MB while it is on its way: 770 MB,
 * measured with four. The rest is left to the garbage collector.
 */
const MAX_MEMORY_MB = 1200

const dir = createTempFolder()
let hospital: ListeningServer
let server: ServerProcess
let vendor: OfflineVendor
let token: string
const arrived: { path: string; digest: string }[] = []
const held = new Set<ServerResponse>()
let isHolding = false
let pouredMb = 0

beforeAll(async () => {
  hospital = await startListening(
    createServer(async (request, response) => {
      const path = request.url ?? ''
      arrived.push({ path, digest: computeDigest(await buffer(request)) })
      if (path === '/pours') await writeEndlessBody(response)
      else if (path !== '/short' && isHolding) held.add(response)
      else response.end()
    }),
  )
  const urls = ['/short', '/pours', ...LONG_MESSAGE_PATHS].map((path) => hospital.url + path)
  vendor = await seedOfflineVendor(dir, urls)
  server = await startServerProcess(dir, { LATCHKEY_DESTINATIONS_ALLOWED: '127.0.0.1' })
  token = await authenticateVendor(server.url, vendor)
})
afterAll(async () => {
  await server.stop()
  hospital.close()
  rmSync(dir, { recursive: true, force: true })
})

/** All but `Meta`, which is filled in on the way. */
const computeDigest = (body: Buffer) =>
  createHash('sha256')
    .update(body.subarray(body.indexOf('"Device":{')))
    .digest('hex')

/** A gigabyte, or as much of it as is read. */
async function writeEndlessBody(response: ServerResponse): Promise<void> {
  const chunk = Buffer.alloc(1024 * 1024, 'x')
  function* chunks() {
    for (; pouredMb < 1024; pouredMb++) yield chunk
  }
  await pipeline(chunks(), response).catch(() => undefined)
}

/** A message of so many bytes. */
function createLongMessage(path: string, length: number): Buffer {
  const begun = `${JSON.stringify(createDeviceNewMessage(vendor.destinationAt(path))).slice(0, -1)},"Fill":"`
  const rest = length - begun.length - '"}'.length
  const fill = randomBytes(Math.ceil(rest / 2)).toString('hex')
  return Buffer.from(`${begun}${fill.slice(0, rest)}"}`)
}

const createHeaders = () => ({
  'Content-Type': 'application/json',
  Authorization: `Bearer ${token}`,
})

async function send(body: Buffer): Promise<void> {
  const init = { method: 'POST', headers: createHeaders(), body: new Uint8Array(body) }
  const answer = await fetch(`${server.url}/endpoint`, init)
  expect(answer.status).toBe(200)
}

/** A message of which nothing but the head is sent so far. */
async function beginMessage(length: string): Promise<RawConnection> {
  const connection = await RawConnection.open(server.url)
  const lines = Object.entries(createHeaders()).map(([name, value]) => `${name}: ${value}\r\n`)
  const head = `Host: latchkey\r\n${lines.join('')}${length}\r\n\r\n`
  connection.write(`POST /endpoint HTTP/1.1\r\n${head}`)
  return connection
}

const listDigests = (path: string) =>
  arrived.filter((one) => one.path === path).map(({ digest }) => digest)
const expectSoon = (found: () => unknown) => expect.poll(found, { interval: 20 })

test('a message of exactly 40 MB is accepted, and arrives to the byte', async () => {
  const body = createLongMessage('/0', MESSAGE_LIMIT_BYTES)
  expect(body).toHaveLength(MESSAGE_LIMIT_BYTES)
  await send(body)
  await expectSoon(() => listDigests('/0')).toEqual([computeDigest(body)])
})

test('one byte more is refused with 413 in words, before it is sent or as soon as it is too long', async () => {
  const refusal = {
    Meta: {
      Errors: [
        {
          ID: expect.any(Number),
          Text: `A message must not be longer than ${MESSAGE_LIMIT_BYTES} bytes.`,
          Type: 'message',
          Module: 'DataModels',
        },
      ],
    },
  }
  const announced = await beginMessage(`Content-Length: ${MESSAGE_LIMIT_BYTES + 1}`)
  const early = await announced.readResponse()
  expect([early?.status, JSON.parse(early?.body ?? '')]).toEqual([413, refusal])
  announced.destroy()

  const chunked = await beginMessage('Transfer-Encoding: chunked')
  chunked.write(`${(MESSAGE_LIMIT_BYTES + 1).toString(16)}\r\n`)
  chunked.write(Buffer.alloc(MESSAGE_LIMIT_BYTES + 1, ' '))
  const late = await chunked.readResponse()
  expect([late?.status, JSON.parse(late?.body ?? '')]).toEqual([413, refusal])
  chunked.destroy()
})

test('a long message is refused with 503 while many are sent, and short ones are accepted', async () => {
  const senders = await Promise.all(
    Array.from({ length: CONCURRENT_LONG_MESSAGES }, () =>
      beginMessage(`Content-Length: ${MESSAGE_LIMIT_BYTES}`),
    ),
  )
  /** Sends one more message; null while the server is waiting for its body. */
  const sendUntilAnswered = async () => {
    const late = await beginMessage(`Content-Length: ${MESSAGE_LIMIT_BYTES}`)
    const answer = await Promise.race([late.readResponse(), sleep(200, null)])
    late.destroy()
    return answer
  }
  const answers: Awaited<ReturnType<typeof sendUntilAnswered>>[] = []
  await expectSoon(async () => answers[answers.push(await sendUntilAnswered()) - 1]?.status).toBe(
    503,
  )
  const answer = answers.at(-1)
  expect(answer?.headers).toContainEqual(['Retry-After', '5'])
  expect(JSON.parse(answer?.body ?? '').Meta.Errors).toEqual([
    {
      ID: expect.any(Number),
      Text: 'The server is busy. Try again in 5 seconds.',
      Type: 'transmission',
      Module: 'Send',
    },
  ])
  await send(createLongMessage('/short', 1000))
  for (const sender of senders) sender.destroy()
  await expectSoon(sendUntilAnswered).toBe(null)
})

test('of many long messages four are on their way at once, short ones pass, and all arrive', async () => {
  isHolding = true
  const digests = new Map<string, string>()
  for (const path of LONG_MESSAGE_PATHS) {
    const body = createLongMessage(path, LONG_MESSAGE_BYTES)
    digests.set(path, computeDigest(body))
    await send(body)
  }
  await expectSoon(() => held.size).toBe(CONCURRENT_DELIVERIES)
  const short = createLongMessage('/short', 1000)
  await send(short)
  await expectSoon(() => listDigests('/short').at(-1)).toBe(computeDigest(short))
  expect(held.size).toBe(CONCURRENT_DELIVERIES)

  isHolding = false
  for (const response of held) response.end()
  for (const path of LONG_MESSAGE_PATHS) {
    await expectSoon(() => listDigests(path).at(-1)).toBe(digests.get(path))
  }
})

test('an answer of a gigabyte is cut off, and its status decides', async () => {
  const body = createLongMessage('/pours', 1000)
  await send(body)
  await send(createLongMessage('/pours', 1001))
  // The second goes out only when the first one counts as delivered.
  await expectSoon(() => listDigests('/pours').length).toBe(2)
  expect(listDigests('/pours')[0]).toBe(computeDigest(body))
  expect(pouredMb).toBeLessThan(64)
})

test.skipIf(!existsSync('/proc'))('memory was bounded all the while', () => {
  // Linux alone tells the most that a process has ever held.
  const status = readFileSync(`/proc/${server.process.pid}/status`, 'utf8')
  const mostMb = Number(/^VmHWM:\s+(\d+) kB$/m.exec(status)?.[1]) / 1024
  expect(mostMb).toBeLessThan(MAX_MEMORY_MB)
})
