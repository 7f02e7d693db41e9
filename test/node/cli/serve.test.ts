import { once } from 'node:events'
import { chmodSync, mkdirSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { type AddressInfo, createConnection, createServer, type Socket } from 'node:net'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { runCli, startServerProcess } from '../../support/process.ts'
import { createTempFolder } from '../../support/server.ts'

test('a server that is stopped logs it and exits with 0; only its owner can read its files', async () => {
  const dir = join(createTempFolder(), 'data')
  const server = await startServerProcess(dir)
  const mode = (path: string) => statSync(path).mode & 0o777
  expect(mode(dir)).toBe(0o700)
  for (const file of ['latchkey.db', 'latchkey.db-wal', 'keyring.json']) {
    expect(mode(join(dir, file))).toBe(0o600)
  }
  expect(await server.stop()).toBe(0)
  expect(server.output()).toContain('"msg":"stopped"')
})

test.each([
  ['one process', []],
  ['several workers', ['--workers', '2']],
])('SIGTERM stops a server whose stdout has lost its reader: %s', async (_, options) => {
  const server = await startServerProcess(createTempFolder(), {}, options)
  // The last line of the start: the next line is written by the stop.
  await server.waitForOutput('no user exists yet')
  server.process.stdout?.destroy()
  // A server that does not end is killed, so that the test fails and leaves no process.
  const killTimer = setTimeout(() => server.kill(), 20_000)
  expect(await server.stop()).toBe(0)
  clearTimeout(killTimer)
})

test('variables that Kubernetes sets are ignored, with one line in the log; SIGHUP stops the server', async () => {
  const server = await startServerProcess(createTempFolder(), {
    LATCHKEY_CONSOLE_PORT: 'tcp://10.96.0.17:8080',
    LATCHKEY_SERVICE_HOST: '10.96.0.17',
  })
  expect(await server.stop('SIGHUP')).toBe(0)
  expect(server.output()).toContain('"msg":"stopped"')
  const lines = server.output().split('\n')
  expect(lines.filter((line) => line.includes('SERVICE_HOST'))).toEqual([
    expect.stringContaining('"variables":["LATCHKEY_CONSOLE_PORT","LATCHKEY_SERVICE_HOST"]'),
  ])
})

test('a second signal ends a server that still waits for a request', async () => {
  const server = await startServerProcess(createTempFolder())
  const half = createConnection(Number(new URL(server.url).port), '127.0.0.1')
  half.on('error', () => undefined)
  half.write('POST /auth/authenticate HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\n{')
  // Another request's answer shows that the half one, sent before it, has arrived.
  await fetch(`${server.url}/health`)
  const exited = once(server.process, 'exit')
  server.process.kill('SIGTERM')
  // The port is closed as soon as the first signal has been heard.
  for (;;) {
    const refused = await fetch(`${server.url}/health`).then(
      () => false,
      () => true,
    )
    if (refused) break
  }
  expect(server.process.exitCode).toBe(null)
  server.process.kill('SIGTERM')
  expect(await exited).toEqual([143, null])
  half.destroy()
})

test.each([
  ['one process', []],
  ['several workers', ['--workers', '2']],
])('a signal stops a server that has not started yet: %s', async (_, options) => {
  // A database that takes the connection and never answers.
  const silent = createServer().listen(0, '127.0.0.1')
  await once(silent, 'listening')
  const { port } = silent.address() as AddressInfo
  const connected = once(silent, 'connection') as Promise<[Socket]>
  const running = runCli(['serve', ...options], {
    dir: createTempFolder(),
    env: {
      LATCHKEY_DATABASE: `postgres://latchkey:secret@127.0.0.1:${port}/latchkey`,
      LATCHKEY_PORT: '0',
    },
    onStart: async (child) => {
      const [connection] = await connected
      connection.on('error', () => undefined).resume()
      child.kill('SIGTERM')
      // The database connection that startup had opened is closed too.
      await once(connection, 'close')
    },
  })
  const { code, stdout } = await running
  silent.close()
  expect(code).toBe(0)
  expect(stdout).toMatch(/"msg":"stopped/)
})

test('a port that is taken, or a broken key ring, is one sentence and no stack', async () => {
  const occupiedPort = createServer().listen(0, '127.0.0.1')
  await once(occupiedPort, 'listening')
  const { port } = occupiedPort.address() as AddressInfo
  const broken = createTempFolder()
  writeFileSync(join(broken, 'keyring.json'), '{"version":1,"keys":[]}', { mode: 0o600 })
  const readable = createTempFolder()
  writeFileSync(join(readable, 'keyring.json'), '{}')
  chmodSync(join(readable, 'keyring.json'), 0o644)
  const inTheWay = join(createTempFolder(), 'file')
  writeFileSync(inTheWay, '')
  const noDatabase = createTempFolder()
  await runCli(['accounts', 'create', '--name', 'Acme Health'], { dir: noDatabase })
  rmSync(join(noDatabase, 'latchkey.db'))
  mkdirSync(join(noDatabase, 'latchkey.db'))

  const env = { LATCHKEY_PORT: '0' }
  const results = await Promise.all([
    runCli(['serve'], { dir: createTempFolder(), env: { LATCHKEY_PORT: String(port) } }),
    runCli(['serve'], { dir: broken, env }),
    runCli(['serve'], { dir: readable, env }),
    runCli(['serve'], { dir: inTheWay, env }),
    runCli(['serve'], { dir: noDatabase, env }),
  ])
  occupiedPort.close()
  expect(results.map(({ code, stderr }) => ({ code, stderr }))).toEqual(
    [
      `port ${port} of 127.0.0.1 is in use: stop the other program, or set LATCHKEY_PORT\n`,
      'the key ring has 0 current EdDSA keys, not one\n',
      `the key ring ${readable}/keyring.json can be read by other users (mode 0644): chmod 600 ${readable}/keyring.json\n`,
      `${inTheWay} exists and is not a folder\n`,
      `${noDatabase}/latchkey.db cannot be opened: it must be a file of this user, and its folder writable\n`,
    ].map((stderr) => ({ code: 1, stderr })),
  )
})

test('the stack of an error is shown on request', async () => {
  const dir = createTempFolder()
  writeFileSync(join(dir, 'keyring.json'), '{}', { mode: 0o600 })
  const { code, stderr } = await runCli(['serve'], { dir, env: { LATCHKEY_LOG_LEVEL: 'debug' } })
  expect(code).toBe(1)
  expect(stderr).toContain('    at ')
})
