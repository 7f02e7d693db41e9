import { once } from 'node:events'
import { existsSync, readdirSync, writeFileSync } from 'node:fs'
import { type AddressInfo, createServer } from 'node:net'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import type { SandboxData } from '../../src/simulator/seed-sandbox.ts'
import { runWarmCli } from '../support/cli/warm-cli.ts'
import { runCli } from '../support/process.ts'
import { createTempFolder, createTestServer, seedKey } from '../support/server.ts'

type Ready = SandboxData & { url: string; seed: number }

/** Runs `latchkey simulate`, uses it while it is up, and ends it as a pipeline does. */
async function runSandbox(args: readonly string[], use: (ready: Ready) => Promise<void>) {
  const dir = createTempFolder()
  return runCli(['simulate', '--json', '--port', '0', ...args], {
    dir,
    env: { LATCHKEY_DATA: '', TMPDIR: dir },
    async onStart(child) {
      const [line = ''] = await new Promise<string[]>((resolve) => {
        child.stdout?.once('data', (data: string) => resolve(data.split('\n')))
      })
      expect(readdirSync(dir)).toEqual([expect.stringMatching(/^latchkey-simulate-/)])
      await use(JSON.parse(line) as Ready)
      child.kill('SIGTERM')
    },
  }).then((result) => {
    expect(readdirSync(dir), 'what the sandbox left').toEqual([])
    const [, report = ''] = result.stdout.trim().split('\n')
    return { ...result, report: JSON.parse(report) }
  })
}

const authenticate = ({ url, redox }: Ready) =>
  fetch(`${url}/auth/authenticate`, {
    method: 'POST',
    body: JSON.stringify({ apiKey: redox.apiKey, secret: redox.secret }),
  })

test('a sandbox without findings ends with 0, and deletes its data', async () => {
  const { code, stderr, report } = await runSandbox(['--fail-on-findings'], async (ready) => {
    expect(ready.seed).toBe(1)
    expect((await authenticate(ready)).status).toBe(200)
  })
  expect([code, stderr]).toEqual([0, ''])
  expect(report).toEqual({ requests: 1, findings: [] })
})

test('a sandbox with findings reports them, and exits with 1 if the option says so', async () => {
  const file = join(createTempFolder(), 'faults.json')
  writeFileSync(file, JSON.stringify([{ fault: 'answer-503=30s', count: 1 }]))
  const args = ['--fail-on-findings', '--schedule', file]
  const { code, report } = await runSandbox(args, async (ready) => {
    expect((await authenticate(ready)).status).toBe(503)
    expect((await authenticate(ready)).status).toBe(200)
  })
  expect(code).toBe(1)
  expect(report.findings).toEqual([
    expect.objectContaining({
      code: 'ignored_retry_after',
      count: 1,
      summary: expect.stringMatching(/^ignored Retry-After: asked again after [\d.]+ s of 30 s$/),
    }),
  ])
})

test.each(['LATCHKEY_DATABASE', 'LATCHKEY_DATA', 'LATCHKEY_KEYRING'])(
  'a sandbox does not start where %s leads to data',
  async (setting) => {
    const dir = createTempFolder()
    const value = join(dir, 'real')
    const env = { LATCHKEY_DATA: '', [setting]: value }
    const { code, stderr } = await runWarmCli(['simulate', '--port', '0'], { dir, env })
    expect([code, stderr]).toEqual([
      2,
      `the sandbox makes its own data, and must not use yours: unset ${setting}\n`,
    ])
    expect(existsSync(value)).toBe(false)
  },
)

test.each([
  [['--lose-answers', '5'], 'It must be a percentage such as 5%.'],
  [['--answer-503', '101%'], 'It must be a percentage such as 5%.'],
  [['--skew', 'soon'], 'It must be a duration such as 1h or -90s.'],
  [['--speed', '-1'], 'It must be a whole number.'],
  [['--port', '70000'], 'It must be from 0 to 65535.'],
  [['--host', 'a b'], 'It must be an address or a host name.'],
])('the options %j are refused with the reason', async (args, reason) => {
  const dir = createTempFolder()
  const { code, stderr } = await runWarmCli(['simulate', ...args], { dir })
  expect(code).toBe(2)
  expect(stderr).toContain(reason)
})

test.each([
  ['{"fault":"delay"}', 'is not a JSON list of rules'],
  ['[{', 'is not a JSON list of rules'],
  [
    '[{"fault":"delay","on":"send"}]',
    '0.on must be authenticate, refresh, token, api or a path that begins with /',
  ],
  ['[{"fault":"answer-500"}]', '0.fault must be one of lose-answer-before-commit'],
  ['[{"fault":"delay"},{"fault":7,"count":0}]', '1.fault must be text; 1.count must be at least 1'],
  ['[{"fault":"delay","when":"1d"}]', '0.when is unknown'],
])('a schedule of %s is refused with the reason', async (text, reason) => {
  const dir = createTempFolder()
  const file = join(dir, 'faults.json')
  writeFileSync(file, text)
  const env = { LATCHKEY_DATA: '' }
  const { code, stderr } = await runWarmCli(
    ['simulate', '--answer-503', '5%', '--schedule', file],
    { dir, env },
  )
  expect(code).toBe(2)
  expect(stderr).toContain(reason)
})

test.each([
  [{}, ['--host', '203.0.113.9'], 'this machine has no address 203.0.113.9: set --host to one of'],
  [
    { TMPDIR: '/nowhere' },
    [],
    'the sandbox cannot create a folder in /nowhere (ENOENT): set TMPDIR',
  ],
])('a sandbox that cannot start ends with an error: %j %j', async (env, args, message) => {
  const dir = createTempFolder()
  const { code, stderr } = await runCli(['simulate', '--port', '0', ...args], {
    dir,
    env: { LATCHKEY_DATA: '', TMPDIR: dir, ...env },
  })
  expect([code, stderr]).toEqual([1, expect.stringContaining(message)])
  expect(readdirSync(dir)).toEqual([])
})

test('a sandbox whose port is taken names the option that moves it, and leaves no data', async () => {
  const dir = createTempFolder()
  const other = createServer().listen(0, '127.0.0.1')
  await once(other, 'listening')
  const { port } = other.address() as AddressInfo
  const env = { LATCHKEY_DATA: '', TMPDIR: dir }
  const { code, stderr } = await runCli(['simulate', '--port', String(port)], { dir, env })
  other.close()
  expect([code, stderr]).toEqual([
    1,
    `port ${port} of 127.0.0.1 is in use: stop the other program, or set --port\n`,
  ])
  expect(readdirSync(dir)).toEqual([])
})

test('a server that is no sandbox ignores the header that chooses faults', async () => {
  const server = await createTestServer()
  const { apiKey, secret } = await seedKey(server)
  const { status } = await server.call('/auth/authenticate', {
    body: JSON.stringify({ apiKey, secret }),
    headers: { 'Latchkey-Simulate': 'answer-503,revoke-key' },
  })
  expect(status).toBe(200)
  expect((await server.authenticate(apiKey, secret)).status).toBe(200)
  expect((await server.call('/simulate', { method: 'GET' })).status).toBe(404)
  await server.close()
})
