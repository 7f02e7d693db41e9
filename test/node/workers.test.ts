import { once } from 'node:events'
import { chmodSync, rmSync } from 'node:fs'
import { Agent, request } from 'node:http'
import { type AddressInfo, createServer } from 'node:net'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { readConfig } from '../../src/config.ts'
import { openLatchkey } from '../../src/node/open-latchkey.ts'
import {
  listWorkerPids,
  runCli,
  type ServerProcess,
  startServerProcess,
} from '../support/process.ts'
import {
  createDeviceNewMessage,
  createTempFolder,
  createTestLog,
  seedKey,
  unwrap,
} from '../support/server.ts'
import { decodeAccessToken } from '../support/tokens.ts'
import { parseTokenResponse, type VendorResponse } from '../support/vendor-clients.ts'

const PLENTY = '1000000000'
const settings = {
  LATCHKEY_URL: 'https://latchkey.example',
  LATCHKEY_QUOTA_REQUESTS: PLENTY,
  LATCHKEY_FAILURES_PER_ADDRESS: PLENTY,
  LATCHKEY_REFRESH_LEEWAY_SECONDS: '0',
}
const TWO = ['--workers', '2']

/** One POST; over a connection of its own, and so to the next worker, unless an agent keeps one. */
function post(url: string, path: string, body: object, { token = '', agent = new Agent() } = {}) {
  return new Promise<VendorResponse>((resolve, reject) => {
    const headers = token === '' ? {} : { Authorization: `Bearer ${token}` }
    const sent = request(`${url}${path}`, { method: 'POST', agent, headers }, (answer) => {
      let text = ''
      answer.setEncoding('utf8').on('data', (part: string) => {
        text += part
      })
      answer.once('error', reject)
      answer.once('end', () => resolve({ status: answer.statusCode ?? 0, body: text }))
    })
    sent.once('error', reject)
    sent.end(JSON.stringify(body))
  })
}

const parseLogLines = (server: ServerProcess) =>
  server
    .output()
    .split('\n')
    .filter((line) => /^\{.*\}$/.test(line))
    .map(
      (line) =>
        JSON.parse(line) as { msg: string; worker?: number; againInMs?: number; count?: number },
    )

/** Resolves as soon as it holds. */
async function waitUntil(holds: () => boolean | Promise<boolean>): Promise<void> {
  while (!(await holds())) await new Promise((next) => setTimeout(next, 10))
}

const runTimes = <T>(count: number, act: (n: number) => Promise<T>): Promise<T[]> =>
  Promise.all(Array.from({ length: count }, (_, n) => act(n)))

describe('two workers', () => {
  const dir = createTempFolder()
  let seeds: Awaited<ReturnType<typeof openLatchkey>>
  let server: ServerProcess
  beforeAll(async () => {
    server = await startServerProcess(dir, settings, TWO)
    const config = readConfig({ LATCHKEY_DATA: dir, ...settings })
    seeds = await openLatchkey(config, { publicUrl: settings.LATCHKEY_URL, log: createTestLog() })
  })
  afterAll(async () => {
    await seeds.storage.close()
    rmSync(dir, { recursive: true, force: true })
  })

  type Key = Awaited<ReturnType<typeof seedKey>>
  const authenticate = async ({ apiKey, secret }: Key) =>
    parseTokenResponse(await post(server.url, '/auth/authenticate', { apiKey, secret }))
  const refresh = ({ apiKey }: Key, refreshToken: string) =>
    post(server.url, '/auth/refreshToken', { apiKey, refreshToken })
  /** Opens enough connections that each worker answers at least one. */
  const sendMessageWith = async ({ destinationId }: Key, token: string) => {
    const message = createDeviceNewMessage(destinationId)
    const answers = await runTimes(20, () => post(server.url, '/endpoint', message, { token }))
    return [...new Set(answers.map(({ status }) => status))]
  }

  test('listen on one port as one server, and both answer', async () => {
    const listening = parseLogLines(server).filter(({ msg }) => msg === 'listening')
    expect(listening).toMatchObject([{ workers: 2, url: settings.LATCHKEY_URL }])
    await runTimes(10, () => post(server.url, '/endpoint', {}))
    /** The worker of each refusal. Alike ones share a line. */
    const listAnsweringWorkers = () =>
      parseLogLines(server).flatMap(({ msg, worker, count = 1 }) =>
        msg?.startsWith('message refused') ? Array(count).fill(worker) : [],
      )
    await waitUntil(() => listAnsweringWorkers().length === 10)
    expect(new Set(listAnsweringWorkers())).toEqual(new Set([1, 2]))
  })

  test('listen for the console on one port of its own', async () => {
    expect(server.consoleUrl).not.toBe(server.url)
    const requestStatus = async (url: string) => (await fetch(`${url}/console/sign-in`)).status
    expect(await runTimes(4, () => requestStatus(server.consoleUrl))).toEqual([200, 200, 200, 200])
    expect(await requestStatus(server.url)).toBe(404)
  })

  test('refuse what any process has revoked from their next request on', async () => {
    const key = await seedKey(seeds)
    const { accessToken } = await authenticate(key)
    expect(await sendMessageWith(key, accessToken)).toEqual([200])
    unwrap(await seeds.keys.revoke(key.keyId))
    expect(await sendMessageWith(key, accessToken)).toEqual([401])

    for (let round = 0; round < 10; round++) {
      const other = await seedKey(seeds)
      const first = await authenticate(other)
      const second = parseTokenResponse(await refresh(other, first.refreshToken))
      expect(await sendMessageWith(other, second.accessToken)).toEqual([200])
      // Reuse: one worker revokes the grant.
      expect((await refresh(other, first.refreshToken)).status).toBe(401)
      expect(await sendMessageWith(other, second.accessToken)).toEqual([401])
    }
  })

  test('rotate a token once, however many ask both for it', async () => {
    const key = await seedKey(seeds)
    const { refreshToken } = await authenticate(key)
    const answers = await runTimes(20, () => refresh(key, refreshToken))
    expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([200]))
    expect(new Set(answers.map(({ body }) => body)).size).toBe(1)
  })

  test('read a rotated key ring, both', async () => {
    const before = parseLogLines(server).length
    await runCli(['keyring', 'rotate', 'sign', '--now'], { dir })
    const listReaders = () =>
      parseLogLines(server)
        .slice(before)
        .flatMap(({ msg, worker }) => (msg === 'the changed key ring was loaded' ? [worker] : []))
    await waitUntil(() => new Set(listReaders()).size === 2)
  })

  test('lock out no client and lose nothing if one is killed during refreshes', async () => {
    const keys = await Promise.all(Array.from({ length: 8 }, () => seedKey(seeds)))
    let refreshed = 0
    let lost = 0
    let enough = false
    const clients = keys.map(async (key) => {
      let tokens = await authenticate(key)
      let acknowledged = 0
      while (!enough) {
        const answer = await refresh(key, tokens.refreshToken).catch(() => null)
        if (answer === null) {
          lost++
          // With both workers gone, connections fail until the first is back.
          await new Promise((next) => setTimeout(next, 10))
          continue
        }
        tokens = parseTokenResponse(answer)
        refreshed++
        expect(decodeAccessToken(tokens).generation).toBe(++acknowledged)
      }
      return sendMessageWith(key, tokens.accessToken)
    })
    for (let kill = 1; kill <= 5; kill++) {
      const before = refreshed
      await waitUntil(() => refreshed > before + 100)
      process.kill(listWorkerPids(server)[kill % 2] ?? 0, 'SIGKILL')
      const waitForEnd = () =>
        parseLogLines(server).filter(({ msg }) => msg.startsWith('a worker process ended'))
      await waitUntil(() => waitForEnd().length === kill && listWorkerPids(server).length === 2)
    }
    enough = true
    expect(await Promise.all(clients)).toEqual(keys.map(() => [200]))
    expect(lost).toBeGreaterThan(0)
  })

  test('finish requests in progress when they are stopped, and exit with 0', async () => {
    const key = await seedKey(seeds)
    const pids = listWorkerPids(server)
    const { apiKey, secret } = key
    const under = runTimes(8, () => post(server.url, '/auth/authenticate', { apiKey, secret }))
    // Connections take turns: once both workers have answered later ones, they have those of above.
    await runTimes(8, () => post(server.url, '/endpoint', {}))
    expect(await server.stop()).toBe(0)
    expect((await under).map(({ status }) => status)).toEqual(Array(8).fill(200))
    // A worker that was not up yet just ends.
    const listStoppedWorkers = () =>
      parseLogLines(server).flatMap(({ msg, worker }) => (msg === 'stopped' ? [worker] : []))
    await waitUntil(() => listStoppedWorkers().includes(undefined))
    expect(listStoppedWorkers().length).toBeGreaterThan(1)
    expect(pids.filter(isAlive)).toEqual([])
  })
})

function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0)
  } catch {
    return false
  }
}

test('a worker that cannot start again is tried again, more and more rarely', async () => {
  const dir = createTempFolder()
  const server = await startServerProcess(dir, {}, TWO)
  const ring = join(dir, 'keyring.json')
  chmodSync(ring, 0o644)
  process.kill(listWorkerPids(server)[0] ?? 0, 'SIGKILL')
  const listRestartDelays = () => parseLogLines(server).flatMap(({ againInMs }) => againInMs ?? [])
  await waitUntil(() => listRestartDelays().length === 3)
  expect(listRestartDelays()).toEqual([100, 200, 400])
  // The other one goes on.
  expect((await post(server.url, '/endpoint', {})).status).toBe(401)
  chmodSync(ring, 0o600)
  const listAnsweringWorkers = () => new Set(parseLogLines(server).map(({ worker }) => worker ?? 0))
  await waitUntil(async () => {
    await post(server.url, '/endpoint', {})
    return listAnsweringWorkers().size > 2
  })
  expect(await server.stop()).toBe(0)
})

test('kill -9 of the process above them ends all workers', async () => {
  const server = await startServerProcess(createTempFolder(), {}, TWO)
  const pids = listWorkerPids(server)
  expect(pids).toHaveLength(2)
  await server.kill()
  await waitUntil(() => !pids.some(isAlive))
})

test('a problem that keeps a worker from starting is reported as in one process', async () => {
  const occupiedPort = createServer().listen(0, '127.0.0.1')
  await once(occupiedPort, 'listening')
  const { port } = occupiedPort.address() as AddressInfo
  const readable = createTempFolder()
  await runCli(['accounts', 'create', '--name', 'Acme Health'], { dir: readable })
  chmodSync(join(readable, 'keyring.json'), 0o644)
  const LATCHKEY_PORT = String(port)
  const results = await Promise.all([
    runCli(['serve', ...TWO], { dir: createTempFolder(), env: { LATCHKEY_PORT } }),
    runCli(['serve', ...TWO], { dir: readable, env: { LATCHKEY_PORT: '0' } }),
    runCli(['serve', '--workers', '0'], { dir: readable }),
  ])
  occupiedPort.close()
  expect(results.map(({ code, stdout, stderr }) => [code, stdout, stderr])).toEqual([
    [1, '', `port ${port} of 127.0.0.1 is in use: stop the other program, or set LATCHKEY_PORT\n`],
    [
      1,
      '',
      `the key ring ${readable}/keyring.json can be read by other users (mode 0644): chmod 600 ${readable}/keyring.json\n`,
    ],
    [2, '', "option '--workers <n>' argument '0' is invalid. It must be from 1 to 256, or auto.\n"],
  ])
})

test('a limit is that of the server: one worker counts up to it, and the other goes by that', async () => {
  const few = { LATCHKEY_QUOTA_REQUESTS: '50', LATCHKEY_FAILURES_PER_ADDRESS: '3' }
  const server = await startServerProcess(createTempFolder(), few, TWO)
  const agent = new Agent({ keepAlive: true, maxSockets: 1 })
  const statuses: number[] = []
  for (let n = 0; n < 52; n++) {
    statuses.push((await post(server.url, '/endpoint', {}, { agent })).status)
  }
  expect(statuses).toEqual([...Array(50).fill(401), 429, 429])
  const credential = { apiKey: 'somebody', secret: 'wrong' }
  for (let n = 0; n < 3; n++) {
    const guess = await post(server.url, '/auth/authenticate', credential, { agent })
    expect(guess.status).toBe(401)
  }
  agent.destroy()
  // The workers share their failure counts with a short delay.
  const postToBoth = async (path: string, body: object) => {
    const answers = await runTimes(10, () => post(server.url, path, body))
    return answers.every(({ status }) => status === 429)
  }
  await waitUntil(() => postToBoth('/endpoint', {}))
  await waitUntil(() => postToBoth('/auth/authenticate', credential))
  expect(await server.stop('SIGHUP')).toBe(0)
})
