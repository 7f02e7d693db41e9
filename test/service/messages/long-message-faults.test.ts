import { createHash, randomBytes } from 'node:crypto'
import { rmSync } from 'node:fs'
import { createServer } from 'node:http'
import { join } from 'node:path'
import { buffer } from 'node:stream/consumers'
import { setTimeout as sleep } from 'node:timers/promises'
import Database from 'better-sqlite3'
import { afterAll, beforeAll, expect, test } from 'vitest'
import {
  authenticateVendor,
  type OfflineVendor,
  seedOfflineVendor,
} from '../../support/delivery/delivery-worker.ts'
import { startServerProcess } from '../../support/process.ts'
import { createDeviceNewMessage, createTempFolder } from '../../support/server.ts'
import { type ListeningServer, startListening } from '../../support/upstream/servers.ts'

/* Messages of 39 MB in a process with little memory, and in one that is killed. */

const LONG_MESSAGE_BYTES = 39 * 1024 * 1024
/** The parts that it is stored in. */
const PART_COUNT = 78
const SETTINGS = {
  LATCHKEY_DESTINATIONS_ALLOWED: '127.0.0.1',
  LATCHKEY_QUOTA_REQUESTS: '1000000',
}

const dir = createTempFolder()
let hospital: ListeningServer
let vendor: OfflineVendor
const arrived: string[] = []

beforeAll(async () => {
  hospital = await startListening(
    createServer(async (request, response) => {
      arrived.push(computeDigest(await buffer(request)))
      response.end()
    }),
  )
  vendor = await seedOfflineVendor(dir, [`${hospital.url}/0`])
})
afterAll(() => {
  hospital.close()
  rmSync(dir, { recursive: true, force: true })
})

/** All but `Meta`, which is filled in on the way. */
const computeDigest = (body: Buffer) =>
  createHash('sha256')
    .update(body.subarray(body.indexOf('"Device":{')))
    .digest('hex')

function createMessage(bytes: number): Buffer {
  const begun = `${JSON.stringify(createDeviceNewMessage(vendor.destinationAt('/0'))).slice(0, -1)},"Fill":"`
  const rest = bytes - begun.length - '"}'.length
  return Buffer.from(`${begun}${randomBytes(rest).toString('hex').slice(0, rest)}"}`)
}

const post = (url: string, token: string, body: Buffer): Promise<Response> =>
  fetch(`${url}/endpoint`, {
    method: 'POST',
    headers: { 'Content-Type': 'application/json', Authorization: `Bearer ${token}` },
    body: new Uint8Array(body),
  })

/** Sends the message until it is accepted, as a sender does that is told to come again. */
async function sendUntilAccepted(url: string, token: string, body: Buffer): Promise<void> {
  for (;;) {
    const answer = await post(url, token, body)
    const text = await answer.text()
    if (answer.status === 200) return
    // On a busy machine, a body may take longer than the server waits for it.
    expect(answer.status, text).toBeOneOf([503, 408])
    await sleep(500)
  }
}

const expectSoon = (found: () => unknown) => expect.poll(found, { interval: 50, timeout: 60_000 })

function countParts(): number {
  const db = new Database(join(dir, 'latchkey.db'), { readonly: true })
  try {
    return db.prepare('SELECT count(*) FROM payload_parts').pluck().get() as number
  } finally {
    db.close()
  }
}

test('eight messages of 39 MB at once are accepted with a heap of 256 MB, now or later, and arrive', async () => {
  const limit = { NODE_OPTIONS: '--max-old-space-size=256' }
  const server = await startServerProcess(dir, { ...SETTINGS, ...limit })
  try {
    const token = await authenticateVendor(server.url, vendor)
    const body = createMessage(LONG_MESSAGE_BYTES)
    arrived.length = 0
    await Promise.all(Array.from({ length: 8 }, () => sendUntilAccepted(server.url, token, body)))
    await expectSoon(() => arrived).toEqual(Array(8).fill(computeDigest(body)))
    await expectSoon(countParts).toBe(0)
  } finally {
    expect(await server.stop()).toBe(0)
  }
})

test('kill -9 while a message of 39 MB is stored loses no accepted message, and delivers no part of one', async () => {
  arrived.length = 0
  const sent = new Set<string>()
  const accepted = new Set<string>()
  const send = async (url: string, token: string, bytes: number) => {
    const body = createMessage(bytes)
    sent.add(computeDigest(body))
    await sendUntilAccepted(url, token, body)
    accepted.add(computeDigest(body))
  }
  for (const parts of [1, PART_COUNT / 4, PART_COUNT / 2]) {
    const server = await startServerProcess(dir, SETTINGS)
    const token = await authenticateVendor(server.url, vendor)
    const storedParts = countParts()
    const long = send(server.url, token, LONG_MESSAGE_BYTES).catch(() => 'killed')
    while (countParts() < storedParts + parts) {
      await send(server.url, token, 2048)
      await sleep(20)
    }
    await server.kill()
    expect(await long).toBe('killed')
  }
  const server = await startServerProcess(dir, SETTINGS)
  try {
    const token = await authenticateVendor(server.url, vendor)
    await send(server.url, token, LONG_MESSAGE_BYTES)
    // In the order of its queue, the last one arrives after all others.
    await expectSoon(() => arrived.includes([...accepted].at(-1) ?? '')).toBe(true)
    expect([...accepted].filter((digest) => !arrived.includes(digest))).toEqual([])
    expect(arrived.filter((digest) => !sent.has(digest))).toEqual([])
  } finally {
    await server.stop()
  }
})
