import { type ChildProcess, execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync, readFileSync, rmSync, symlinkSync, utimesSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { promisify } from 'node:util'
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import { formatStartups } from '../bench/report.ts'
import { measureStartup } from '../bench/startup.ts'
import { installPackage, NODE_MODULES, NODE_PATH } from './support/installed-package.ts'
import { createEnvironment } from './support/process.ts'
import { createTempFolder } from './support/server.ts'

const ROOT = join(import.meta.dirname, '..')
const run = promisify(execFile)

const began: ChildProcess[] = []
afterEach(() => {
  // A group of its own: what it has started ends with it.
  for (const { pid } of began.splice(0)) {
    try {
      process.kill(-(pid ?? 0), 'SIGKILL')
    } catch {
      // It has ended.
    }
  }
})

/** A server as a shell starts it, and what it has said until it ended. */
async function startPackageServer(program: string, args: readonly string[], cwd: string) {
  const settings = { PATH: NODE_PATH, LATCHKEY_PORT: '0', LATCHKEY_DATA: join(cwd, 'data') }
  const child = spawn(program, args, {
    cwd,
    detached: true,
    env: createEnvironment(settings),
    stdio: ['ignore', 'pipe', 'ignore'],
  })
  began.push(child)
  const ended = Promise.all([once(child, 'close'), text(child.stdout)])
  await new Promise<void>((resolve, reject) => {
    child.stdout.on('data', (data: Buffer) => {
      if (data.includes('"listening"')) resolve()
    })
    child.once('close', () => reject(new Error('the server ended before it listened')))
  })
  return { child, ended }
}

describe('the package', () => {
  const app = createTempFolder()
  let command: string
  beforeAll(async () => {
    command = await installPackage(app)
  }, 300_000)
  afterAll(() => rmSync(app, { recursive: true, force: true }))

  test('made from a clone runs the demo in an empty folder, and every answer is the documented one', async () => {
    const cwd = join(app, 'empty')
    mkdirSync(cwd)
    const { stdout } = await run(command, ['demo', '--once', '--port', '0'], {
      cwd,
      env: createEnvironment({ PATH: NODE_PATH }),
    })
    expect(stdout.match(/✓ as documented/g)).toHaveLength(30)
    expect(stdout).not.toContain('✗')
    expect(stdout).toMatch(/\n30 of 30 steps as documented\n$/)
  })

  test('starts by a line that every `env` understands, with the heap of a server, and stops', async () => {
    expect(readFileSync(command, 'utf8').split('\n')[0]).toBe('#!/usr/bin/env node')
    const { child, ended } = await startPackageServer(command, ['--json', 'serve'], app)
    const { stdout } = await run('ps', ['-o', 'args=', '-p', String(child.pid)])
    expect(stdout).toContain('--max-semi-space-size=8 --min-semi-space-size=2 --v8-pool-size=1')
    child.kill('SIGTERM')
    const [[code], output] = await ended
    expect(code).toBe(0)
    expect(output).toContain('"msg":"stopped"')
  })

  test.each([
    [['doctor'], /^Latchkey needs Node 24 or newer, and this is Node 20\.20\.2: /],
    [['doctor', '--json'], /^\{"error":\{"problem":"failed","message":"Latchkey needs Node 24 /],
    [['serve'], /^Latchkey needs Node 24 or newer/],
  ])(
    'says under an older Node which one it needs, and loads nothing: %j',
    async (args, sentence) => {
      const older = `data:text/javascript,${encodeURIComponent(`
      const versions = { ...process.versions, node: '20.20.2' }
      Object.defineProperty(process, 'versions', { value: versions })
      process.on('exit', () => console.log(JSON.stringify(process.report.getReport().sharedObjects)))
    `)}`
      const failed = await run(process.execPath, ['--import', older, command, ...args]).catch(
        (error: { code: number; stdout: string; stderr: string }) => error,
      )
      expect(failed).toMatchObject({ code: 1, stderr: expect.stringMatching(sentence) })
      const loaded = JSON.parse(failed.stdout) as string[]
      expect(loaded.filter((file) => file.endsWith('.node'))).toEqual([])
    },
  )

  test('has the licenses of the packages that are bundled in it', () => {
    const licenses = readFileSync(join(app, 'node_modules/latchkey/dist/LICENSES.txt'), 'utf8')
    for (const name of ['hono', 'kysely', 'zod']) {
      expect(licenses).toMatch(new RegExp(`^${name} \\d[^]*?^MIT License[^]*?^Permission`, 'm'))
    }
  })

  test('has its start measured by `npm run bench -- --startup`', async () => {
    const startups = await measureStartup(command, app, 1)
    expect(startups.map(({ name }) => name)).toEqual([
      'serve, until it listens',
      'keys list',
      '--version',
    ])
    for (const { cpuMs } of startups) expect(cpuMs).toBeGreaterThan(0)
    expect(formatStartups(startups)).toMatch(/^\| keys list \| .* \| ≤ 450 ms [✓✗]/m)
  })

  test('is a library with types that compile', async () => {
    const consumer = join(app, 'consumer.ts')
    writeFileSync(
      consumer,
      `import { type Config, createLog, readConfig, type Running, start } from 'latchkey'
const config: Config = readConfig({ LATCHKEY_PORT: '0', LATCHKEY_DATA: './library' })
const server: Running = await start(config, createLog('silent', 2))
// @ts-expect-error a port is a number
const port: string = server.port
const { status } = await fetch(\`http://127.0.0.1:\${port}/health\`)
await server.stop()
console.log(status)
`,
    )
    expect(await runConsumer(consumer, '--types', 'node')).toBe('200\n')
  })

  test('is a client with types that need no others, in browsers and in Node', async () => {
    const consumer = join(app, 'client-consumer.ts')
    writeFileSync(
      consumer,
      `import { TokenError, TokenManager, type TokenManagerOptions } from 'latchkey/client'
const options: TokenManagerOptions = {
  url: 'https://api.example',
  credentials: { apiKey: 'key', secret: async () => 'secret' },
  runtime: { fetch: async () => new Response('busy', { status: 503 }) },
  maxWaitMs: 0,
}
// @ts-expect-error there is no such option
const wrong: TokenManagerOptions = { ...options, retries: 3 }
const manager = new TokenManager(options)
try {
  await manager.token()
} catch (error) {
  if (error instanceof TokenError) console.log(error.code, error.advice)
}
`,
    )
    expect(await runConsumer(consumer)).toBe('unavailable Try again later.\n')
    expect(await runConsumer(consumer, '--lib', 'es2024', '--types', 'node')).toMatch(/^unavail/)
  })

  test('shows no source code with an uncaught error', async () => {
    const consumer = join(app, 'wrong-options.mjs')
    for (const [library, call] of [
      ['latchkey/client', "new library.TokenManager({ url: 'api.example' })"],
      ['latchkey', "library.readConfig({ LATCHKEY_PORT: 'x' })"],
    ]) {
      writeFileSync(consumer, `import * as library from '${library}'\n${call}\n`)
      const failed = await run(process.execPath, [consumer], { cwd: app }).catch(
        (error: { stderr: string }) => error,
      )
      expect(failed.stderr).toMatch(/^(TokenError: url must be|ConfigError: )/m)
      expect(failed.stderr.length).toBeLessThan(2500)
    }
  })

  async function runConsumer(consumer: string, ...more: string[]): Promise<string> {
    const tsc = join(NODE_MODULES, 'typescript', 'bin', 'tsc')
    const options = ['--noEmit', '--strict', '--target', 'es2024', '--module', 'nodenext', ...more]
    await run(process.execPath, [tsc, ...options, consumer], { cwd: app })
    const { stdout } = await run(process.execPath, [consumer], { cwd: app })
    return stdout
  }
})

describe('the scripts of a clone', () => {
  test('hand the signal of npm to what they run', async () => {
    const clone = createTempFolder()
    for (const name of ['package.json', 'node_modules', 'src', 'schema.sql']) {
      symlinkSync(join(ROOT, name), join(clone, name))
    }
    // Older than what is installed.
    writeFileSync(join(clone, 'package-lock.json'), '{}')
    utimesSync(join(clone, 'package-lock.json'), 0, 0)
    const { child, ended } = await startPackageServer(
      'npm',
      ['run', '-s', 'latchkey', '--', 'serve'],
      clone,
    )
    child.kill('SIGTERM')
    const [[code], output] = await ended
    expect(code).toBe(0)
    expect(output).toContain('"msg":"stopped"')
    rmSync(clone, { recursive: true })
  })

  test('end as a program that replaces the shell', () => {
    const { scripts } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')) as {
      scripts: Record<string, string>
    }
    const running = Object.entries(scripts).filter(([, script]) =>
      /(^|&& )(exec )?node /.test(script),
    )
    expect(running.map(([name]) => name)).toEqual(expect.arrayContaining(['latchkey', 'demo']))
    expect(running.filter(([, script]) => !/&& exec node [^&;|]*$/.test(script))).toEqual([])
  })
})
