import { createHash, randomBytes } from 'node:crypto'
import { existsSync, readFileSync, rmSync } from 'node:fs'
import { createServer, type ServerResponse } from 'node:http'
import { buffer } from 'node:stream/consumers'
import { pipeline } from 'node:stream/promises'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { type ServerProcess, startServer } from '../support/process.ts'
import { RawConnection } from '../support/raw.ts'
import { deviceNew, temporaryFolder } from '../support/server.ts'
import { type Listening, listen } from '../support/upstream/gate.ts'
import { loginOf, seedVendor, type Vendor } from '../support/vendor.ts'

/*
 * The longest messages and the longest answers, and what a server in a process of its own holds of
 * them in memory.
 */

/** As documented. */
const LIMIT = 40 * 1024 * 1024
/** Long messages that are on their way at once. */
const AT_ONCE = 4
const LONG_PATHS = ['/0', '/1', '/2', '/3', '/4', '/5']
/**
 * 130 MB at rest, some 450 MB more while one message of 40 MB is taken, 130 MB for each that is on its way:
 * 1,100 MB, measured with twelve. The rest is left to the garbage collector.
 */
const MOST_MB = 1600

const dir = temporaryFolder()
let hospital: Listening
let server: ServerProcess
let vendor: Vendor
let token: string
const arrived: { path: string; digest: string }[] = []
const held = new Set<ServerResponse>()
let isHolding = false
let pouredMb = 0

beforeAll(async () => {
  hospital = await listen(
    createServer(async (request, response) => {
      const path = request.url ?? ''
      arrived.push({ path, digest: digestOf(await buffer(request)) })
      if (path === '/pours') await pour(response)
      else if (path !== '/short' && isHolding) held.add(response)
      else response.end()
    }),
  )
  const urls = ['/short', '/pours', ...LONG_PATHS].map((path) => hospital.url + path)
  vendor = await seedVendor(dir, urls)
  server = await startServer(dir, { LATCHKEY_DESTINATIONS_ALLOWED: '127.0.0.1' })
  token = await loginOf(server.url, vendor)
})
afterAll(async () => {
  await server.stop()
  hospital.close()
  rmSync(dir, { recursive: true, force: true })
})

/** All but `Meta`, which is filled in on the way. */
const digestOf = (body: Buffer) =>
  createHash('sha256')
    .update(body.subarray(body.indexOf('"Device":{')))
    .digest('hex')

/** A gigabyte, or as much of it as is read. */
async function pour(response: ServerResponse): Promise<void> {
  const chunk = Buffer.alloc(1024 * 1024, 'x')
  function* chunks() {
    for (; pouredMb < 1024; pouredMb++) yield chunk
  }
  await pipeline(chunks(), response).catch(() => undefined)
}

/** A message of so many bytes. */
function messageTo(path: string, length: number): Buffer {
  const begun = `${JSON.stringify(deviceNew(vendor.destinationAt(path))).slice(0, -1)},"Fill":"`
  const rest = length - begun.length - '"}'.length
  const fill = randomBytes(Math.ceil(rest / 2)).toString('hex')
  return Buffer.from(`${begun}${fill.slice(0, rest)}"}`)
}

const headers = () => ({ 'Content-Type': 'application/json', Authorization: `Bearer ${token}` })

async function send(body: Buffer): Promise<void> {
  const init = { method: 'POST', headers: headers(), body: new Uint8Array(body) }
  const answer = await fetch(`${server.url}/endpoint`, init)
  expect(answer.status).toBe(200)
}

const digestsAt = (path: string) =>
  arrived.filter((one) => one.path === path).map(({ digest }) => digest)
const soon = (found: () => unknown) => expect.poll(found, { timeout: 20_000, interval: 20 })

const PATIENCE = { timeout: 120_000 }

test('a message of exactly 40 MB is accepted, and arrives to the byte', PATIENCE, async () => {
  const body = messageTo('/0', LIMIT)
  expect(body).toHaveLength(LIMIT)
  await send(body)
  await soon(() => digestsAt('/0')).toEqual([digestOf(body)])
})

test('one byte more is refused with 413 in words, before it is sent or as soon as it is too long', async () => {
  const refusal = {
    Meta: {
      Errors: [
        {
          ID: expect.any(Number),
          Text: `A message must not be longer than ${LIMIT} bytes.`,
          Type: 'message',
          Module: 'DataModels',
        },
      ],
    },
  }
  const head = Object.entries({ Host: 'latchkey', ...headers() })
    .map(([name, value]) => `${name}: ${value}\r\n`)
    .join('')
  const announced = await RawConnection.open(server.url)
  announced.write(`POST /endpoint HTTP/1.1\r\n${head}Content-Length: ${LIMIT + 1}\r\n\r\n`)
  const early = await announced.answer()
  expect([early?.status, JSON.parse(early?.body ?? '')]).toEqual([413, refusal])
  announced.hangUp()

  const chunked = await RawConnection.open(server.url)
  chunked.write(`POST /endpoint HTTP/1.1\r\n${head}Transfer-Encoding: chunked\r\n\r\n`)
  chunked.write(`${(LIMIT + 1).toString(16)}\r\n`)
  chunked.write(Buffer.alloc(LIMIT + 1, ' '))
  const late = await chunked.answer()
  expect([late?.status, JSON.parse(late?.body ?? '')]).toEqual([413, refusal])
  chunked.hangUp()
})

test(
  'of many long messages four are on their way at once, short ones pass, and all arrive',
  PATIENCE,
  async () => {
    isHolding = true
    const digests = new Map<string, string>()
    for (const path of LONG_PATHS) {
      const body = messageTo(path, LIMIT)
      digests.set(path, digestOf(body))
      await send(body)
    }
    await soon(() => held.size).toBe(AT_ONCE)
    const short = messageTo('/short', 1000)
    await send(short)
    await soon(() => digestsAt('/short')).toEqual([digestOf(short)])
    expect(held.size).toBe(AT_ONCE)

    isHolding = false
    for (const response of held) response.end()
    for (const path of LONG_PATHS) {
      await soon(() => digestsAt(path).at(-1)).toBe(digests.get(path))
    }
  },
)

test('an answer of a gigabyte is cut off, and counts as what its status says', async () => {
  const body = messageTo('/pours', 1000)
  await send(body)
  await send(messageTo('/pours', 1001))
  // The second goes out only when the first one counts as delivered.
  await soon(() => digestsAt('/pours').length).toBe(2)
  expect(digestsAt('/pours')[0]).toBe(digestOf(body))
  expect(pouredMb).toBeLessThan(64)
})

test.skipIf(!existsSync('/proc'))('memory was bounded all the while', () => {
  // Linux alone tells the most that a process has ever held.
  const status = readFileSync(`/proc/${server.process.pid}/status`, 'utf8')
  const mostMb = Number(/^VmHWM:\s+(\d+) kB$/m.exec(status)?.[1]) / 1024
  expect(mostMb).toBeLessThan(MOST_MB)
})
