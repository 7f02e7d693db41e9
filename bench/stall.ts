import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { setTimeout as wait } from 'node:timers/promises'
import Database from 'better-sqlite3'
import { readConfig } from '../src/config.ts'
import { silentLog } from '../src/node/log.ts'
import { openLatchkey } from '../src/node/open-latchkey.ts'
import { composeNodeApps } from '../src/node/server.ts'
import { issueApiToken } from '../test/support/admin-client.ts'
import { createEnvironment } from '../test/support/process.ts'
import { seedUser } from '../test/support/users.ts'
import { authenticateBenchVendor, formatCredentials } from './cases.ts'
import { computeDelay, type DelayQuantiles } from './delivery/arrival.ts'
import { createSchedule, sendAll, sendOnTime } from './delivery/send.ts'
import { measureInTurn, median } from './load.ts'
import type { BenchSettings } from './options.ts'
import { type BenchServer, resolveBenchPath, startLatchkeyProcess } from './process.ts'
import { buildPostRequest, createMessage, takeTurn } from './requests.ts'
import { type BenchVendor, seedVendors } from './seed.ts'
import { report, showProgress } from './text.ts'

/** The delay of exchanges while the server also handles a long request of another client. */
export interface StallResult {
  readonly disturber: string
  readonly figures: DelayQuantiles
  /** The p99 beyond that of the undisturbed round beside it (ms); null for that one. */
  readonly addedMs: number | null
  /** How often the disturbing work was done in all rounds. */
  readonly times: number
}

/** The target: the most that a disturber may add to the p99 of the exchanges. */
export const MAX_ADDED_MS = 20
/** Requests that do not load the server: a stall alone delays them. */
const EXCHANGES_PER_SECOND = 200
const CONNECTIONS = 64
const LONG_MESSAGE_BYTES = 39 * 1024 * 1024

interface StallTarget {
  readonly served: BenchServer
  readonly dataDir: string
  readonly vendors: readonly BenchVendor[]
  readonly apiToken: string
}

/** Work that is repeated beside the exchanges. */
type Disturber = (target: StallTarget) => Promise<unknown>

const callApi =
  (path: string, method = 'GET'): Disturber =>
  async ({ served, apiToken }) => {
    const answer = await fetch(`http://127.0.0.1:${served.consolePort}/admin/v1${path}`, {
      method,
      headers: { Authorization: `Bearer ${apiToken}` },
    })
    if (answer.status !== 200) throw new Error(`${path}: ${answer.status} ${await answer.text()}`)
    for await (const _chunk of answer.body ?? []) {
      // Reads the response as a client does that writes it to a file.
    }
  }

async function sendLongMessage(target: StallTarget): Promise<void> {
  const vendor = takeTurn(target.vendors, 0)
  const { accessToken } = await authenticateBenchVendor(
    { port: target.served.port, ...target },
    vendor,
  )
  const body = createMessage(vendor.sourceId, vendor.destinationId, LONG_MESSAGE_BYTES)
  const request = buildPostRequest('/endpoint', body, [['Authorization', `Bearer ${accessToken}`]])
  await sendAll(target.served.port, [request], 1)
}

async function runCommand({ dataDir }: StallTarget): Promise<void> {
  const args = [resolveBenchPath('../src/node/cli.ts'), 'messages', 'list', '--json']
  const env = createEnvironment({ LATCHKEY_DATA: dataDir })
  const [code] = await once(spawn(process.execPath, args, { env, stdio: 'ignore' }), 'exit')
  if (code !== 0) throw new Error(`the command ended with ${code}`)
}

/** The id of a destination without messages, so that the list reads every message. */
const UNUSED_ID = '00000000-0000-7000-8000-000000000000'

const DISTURBERS: Readonly<Record<string, Disturber | null>> = {
  undisturbed: null,
  'a list of the messages to a rare destination': callApi(`/messages?destinationId=${UNUSED_ID}`),
  'a search for a text in all keys': callApi('/keys?text=nothing&order=name'),
  'an export of the audit': callApi('/audit/export'),
  'a verification of the audit': callApi('/audit/verify', 'POST'),
  'a message of 39 MB': sendLongMessage,
  'a command on the same database': runCommand,
}

/** Measures exchanges on SQLite alone and beside each disturber, in turn. */
export async function measureStalls(
  folder: string,
  settings: BenchSettings,
): Promise<StallResult[]> {
  const dataDir = join(folder, 'data')
  showProgress('seeding')
  const vendors = await seedVendors(dataDir, {
    keys: settings.storedKeys,
    active: settings.vendors,
  })
  const apiToken = await seedApiToken(dataDir)
  seedRows(dataDir, settings)
  const served = await startLatchkeyProcess(folder)
  try {
    return await measureDisturbers({ served, dataDir, vendors, apiToken }, settings)
  } finally {
    await served.stop()
  }
}

async function measureDisturbers(
  target: StallTarget,
  settings: BenchSettings,
): Promise<StallResult[]> {
  const { served, vendors } = target
  // The first exchange of each key runs argon2, which is not measured here.
  for (const vendor of vendors)
    await authenticateBenchVendor({ port: served.port, vendors }, vendor)
  const requests = vendors.map((vendor) =>
    buildPostRequest('/auth/authenticate', formatCredentials(vendor)),
  )
  const times = new Map<string, number>()
  const turns = Object.entries(DISTURBERS).map(([label, disturb]) => ({
    label,
    async round(seconds: number) {
      const dues = createSchedule(EXCHANGES_PER_SECOND, seconds)
      const getRequest = (n: number) => takeTurn(requests, n)
      const stop = new AbortController()
      const disturbance = repeat(stop.signal, async () => {
        await disturb?.(target)
        times.set(label, (times.get(label) ?? 0) + 1)
      })
      const sent = sendOnTime(served.port, dues, { getRequest, connections: CONNECTIONS })
      const { dueAt, answeredAt } = await sent.finally(() => stop.abort())
      await disturbance
      return computeDelay(dueAt, answeredAt)
    },
  }))
  const measured = await measureInTurn('stalls', turns, settings)
  const base = measured[0] ?? []
  return turns.map(({ label }, n) => {
    const rounds = measured[n] ?? []
    const figures = {
      p50Ms: median(rounds.map(({ p50Ms }) => p50Ms)),
      p99Ms: median(rounds.map(({ p99Ms }) => p99Ms)),
    }
    const added = median(rounds.map(({ p99Ms }, round) => p99Ms - (base[round]?.p99Ms ?? 0)))
    report(`${label}: p99 ${figures.p99Ms.toFixed(1)} ms, ${added.toFixed(1)} ms more`)
    const addedMs = n === 0 ? null : added
    return { disturber: label, figures, addedMs, times: times.get(label) ?? 0 }
  })
}

const DISTURBANCE_PAUSE_MS = 20

/** Repeats the work until the signal; resolves when the last run is done. */
async function repeat(signal: AbortSignal, work: () => Promise<void>): Promise<void> {
  while (!signal.aborted) {
    await work()
    await wait(DISTURBANCE_PAUSE_MS)
  }
}

async function seedApiToken(dataDir: string): Promise<string> {
  const config = readConfig({ LATCHKEY_DATA: dataDir })
  const latchkey = await openLatchkey(config, { publicUrl: 'http://localhost', log: silentLog })
  try {
    const services = {
      ...latchkey,
      ...composeNodeApps(latchkey),
      clock: Object.assign(Date.now, { advance() {}, set() {} }),
    }
    const { secret } = await issueApiToken(services, await seedUser(services, { role: 'operator' }))
    return secret
  } finally {
    await latchkey.storage.close()
  }
}

/** Adds as many delivered messages and audit events as years of use leave. */
function seedRows(dataDir: string, { storedMessages, storedEvents }: BenchSettings): void {
  const db = new Database(join(dataDir, 'latchkey.db'))
  try {
    db.pragma('foreign_keys = OFF')
    const numbers = (count: number) =>
      `WITH RECURSIVE numbers (n) AS (VALUES (1) UNION ALL SELECT n + 1 FROM numbers WHERE n < ${count})`
    const id = (kind: string) => `printf('${kind}-%04x-7000-8000-%012x', n >> 16, n)`
    db.exec(`
      ${numbers(storedMessages)}
      INSERT INTO messages (id, serial, key_id, source_id, data_model, event_type, test, received_at,
        sealed_payload, erased_at) SELECT ${id('01900000')}, n, keys.id, keys.source_id, 'Flowsheet', 'New',
        0, 1700000000000 + n, '', 1700000000000 + n FROM numbers, (SELECT * FROM keys LIMIT 1) keys;
      ${numbers(storedMessages)}
      INSERT INTO deliveries SELECT ${id('01900000')}, 0, ${id('01910000')}, ${id('01920000')},
        subscriptions.id, subscriptions.destination_id, 'delivered', n, 1, 1700000000000 + n, NULL
        FROM numbers, (SELECT * FROM subscriptions LIMIT 1) subscriptions;
      ${numbers(storedEvents)}
      INSERT INTO audit_events (id, at, actor, action, subject, facts)
        SELECT ${id('01900000')}, 1700000000000 + n, 'nobody', 'key.refused', 'nobody',
        '{"surface":"exchange","reason":"key_unknown","address":"203.0.113.7","path":"/auth/authenticate"}'
        FROM numbers`)
    db.pragma('wal_checkpoint(TRUNCATE)')
  } finally {
    db.close()
  }
}
