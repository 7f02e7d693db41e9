import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { setTimeout as wait } from 'node:timers/promises'
import { PROGRAM } from '../../test/runner/program.ts'
import { createEnvironment } from '../../test/support/process.ts'
import { authenticateBenchVendor } from '../cases.ts'
import { callApi } from '../management-api.ts'
import type { BenchEngineName } from '../options.ts'
import { createMessage } from '../requests.ts'
import type { BenchApiKeys, BenchVendor } from '../seed.ts'

/** A server to disturb. */
export interface StallTarget {
  readonly engine: BenchEngineName
  readonly port: number
  readonly consolePort: number
  /** The settings of its process, with which a command uses the same data. */
  readonly environment: Readonly<Record<string, string>>
  /** A vendor whose messages arrive. */
  readonly sender: BenchVendor
  readonly apiToken: string
  readonly xenrad: BenchApiKeys['xenrad']
  /** For files that a command writes. */
  readonly folder: string
}

/** Does the work once. */
type Disturber = (target: StallTarget, signal: AbortSignal) => Promise<unknown>

const callManagement =
  (path: string, method = 'GET'): Disturber =>
  ({ consolePort, apiToken }) =>
    callApi({ consolePort }, apiToken, path, method)

/** Changes what every process knows of the keys: their next uses read them again. */
const renameSource: Disturber = ({ consolePort, apiToken, sender }) => {
  const name = `Feed ${crypto.randomUUID()}`
  return callApi({ consolePort }, apiToken, `/sources/${sender.sourceId}/name`, 'PUT', { name })
}

const LONG_MESSAGE_BYTES = 39 * 1024 * 1024
let longMessage: Uint8Array<ArrayBuffer> | undefined

/** Writes the message once, so that its sender costs the load's core little. */
function writeLongMessage({ sender }: StallTarget): Uint8Array<ArrayBuffer> {
  longMessage ??= new TextEncoder().encode(
    createMessage(sender.sourceId, sender.destinationId, LONG_MESSAGE_BYTES),
  )
  return longMessage
}

async function post(
  port: number,
  path: string,
  headers: Record<string, string>,
  body: Uint8Array<ArrayBuffer>,
) {
  const answer = await fetch(`http://127.0.0.1:${port}${path}`, { method: 'POST', headers, body })
  const text = await answer.text()
  if (!answer.ok) throw new Error(`${path}: ${answer.status} ${text}`)
  return text
}

/** Sends the message, and waits until it was delivered. */
const sendLongMessages =
  (count: number): Disturber =>
  async (target) => {
    const { port, sender, consolePort, apiToken } = target
    const { accessToken } = await authenticateBenchVendor({ port, vendors: [] }, sender)
    const headers = { authorization: `Bearer ${accessToken}`, 'content-type': 'application/json' }
    const body = writeLongMessage(target)
    const sendOne = () => post(port, '/endpoint', headers, body)
    await Promise.all(Array.from({ length: count }, sendOne))
    const queue = `/messages?destinationId=${sender.destinationId}&status=queued&limit=1`
    while ((await listItems(consolePort, apiToken, queue)).length > 0) await wait(100)
  }

async function listItems(port: number, apiToken: string, path: string): Promise<unknown[]> {
  const answer = await fetch(`http://127.0.0.1:${port}/admin/v1${path}`, {
    headers: { authorization: `Bearer ${apiToken}` },
  })
  return ((await answer.json()) as { items: unknown[] }).items
}

const passLongMessage: Disturber = async (target) => {
  const headers = { 'content-type': 'text/plain', ...Object.fromEntries(target.xenrad) }
  await post(target.port, '/v3/ingest', headers, writeLongMessage(target))
}

/** Runs a command, which ends at the signal. */
const runCommand =
  (...args: string[]): Disturber =>
  async ({ environment }, signal) => {
    const env = createEnvironment(environment)
    const child = spawn(process.execPath, [PROGRAM, ...args], { env, stdio: 'ignore' })
    const kill = () => child.kill('SIGKILL')
    signal.addEventListener('abort', kill)
    const [code] = await once(child, 'exit')
    signal.removeEventListener('abort', kill)
    if (code !== 0 && !signal.aborted) throw new Error(`${args.join(' ')} ended with ${code}`)
  }

const backUp: Disturber = (target, signal) =>
  runCommand('backup', '--force', join(target.folder, 'backup.db'))(target, signal)

/** The id of a destination without messages. */
const UNUSED_ID = '00000000-0000-7000-8000-000000000000'

const YEAR_MS = 365 * 24 * 60 * 60 * 1000
const aYearAgo = () => new Date(Date.now() - YEAR_MS).toISOString()

const readDashboard: Disturber = async (target, signal) => {
  for (const path of [
    '/dashboard/attention',
    '/dashboard/keys',
    `/dashboard/traffic?since=${aYearAgo()}&hours=24`,
  ])
    await callManagement(path)(target, signal)
}

export interface DisturberDescription {
  readonly name: string
  /** Its name in the table. */
  readonly title: string
  readonly work: Disturber
  /** The engines that it can disturb; all if undefined. */
  readonly engines?: readonly BenchEngineName[]
}

/** The first is the base of the comparison, and always measured. */
export const DISTURBERS: readonly DisturberDescription[] = [
  { name: 'undisturbed', title: 'undisturbed', work: async () => {} },
  {
    name: 'message-list',
    title: 'a list of the messages to a rare destination',
    work: callManagement(`/messages?destinationId=${UNUSED_ID}`),
  },
  {
    name: 'key-search',
    title: 'a search for a text in all keys',
    work: callManagement('/keys?text=nothing&order=name'),
  },
  {
    name: 'legacy-keys',
    title: 'a list of the keys that OAuth replaces',
    work: callManagement('/legacy-keys?ready=true'),
  },
  {
    name: 'unseen-keys',
    title: 'a list of the imported keys that nobody has used',
    work: callManagement('/keys/unseen'),
  },
  {
    name: 'key-export',
    title: 'an export of all keys',
    work: callManagement('/keys/export', 'POST'),
  },
  {
    name: 'change',
    title: 'changes, after each of which keys are read again',
    work: renameSource,
  },
  { name: 'dashboard', title: 'a dashboard', work: readDashboard },
  {
    name: 'audit-search',
    title: 'a search for a rare event in all years of the audit',
    work: callManagement('/audit?action=key.revoked&since=2020-01-01T00:00:00.000Z'),
  },
  {
    name: 'audit-export',
    title: 'an export of the audit',
    work: callManagement('/audit/export'),
  },
  {
    name: 'audit-verify',
    title: 'a verification of the audit',
    work: callManagement('/audit/verify', 'POST'),
  },
  {
    name: 'long-message',
    title: 'a message of 39 MB, accepted and delivered',
    work: sendLongMessages(1),
  },
  {
    name: 'long-messages',
    title: 'eight messages of 39 MB at once',
    work: sendLongMessages(8),
  },
  {
    name: 'long-request',
    title: 'a request of 39 MB, passed on to an upstream',
    work: passLongMessage,
  },
  {
    name: 'command',
    title: 'a command on the same database',
    work: runCommand('messages', 'list', '--json'),
  },
  {
    name: 'verify-command',
    title: '`latchkey audit verify`',
    work: runCommand('audit', 'verify'),
  },
  { name: 'backup', title: '`latchkey backup`', work: backUp, engines: ['sqlite'] },
]

export async function disturb(
  target: StallTarget,
  name: string,
  signal: AbortSignal,
): Promise<void> {
  const disturber = DISTURBERS.find((one) => one.name === name)
  if (disturber === undefined) throw new Error(`there is no disturber ${name}`)
  await disturber.work(target, signal)
}
