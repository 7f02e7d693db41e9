import { execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import {
  chmodSync,
  chownSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { Client } from 'pg'
import { copyBinaries } from './binaries.ts'
import type { Certified } from './certificates.ts'

/** A PostgreSQL to work against. */
export interface PostgresServer {
  /** A new, empty database. Its URL. */
  createDatabase(): Promise<string>
  /** Runs SQL as its administrator, in the database of this URL. */
  query(url: string, sql: string): Promise<Record<string, unknown>[]>
  stop(): Promise<void>
}

/** One that a test may kill. */
export interface OwnPostgres extends PostgresServer {
  readonly port: number
  /** The process above all of its processes. */
  pid(): number | undefined
  /** SIGKILL to the first of its processes; SIGQUIT is what PostgreSQL calls an immediate shutdown. */
  kill(signal: 'SIGKILL' | 'SIGQUIT'): Promise<void>
  /** After a kill: begins anew on the same data, and resolves when it takes connections. */
  start(): Promise<void>
}

/** A busy machine may need so long until a new PostgreSQL answers. */
export const SET_UP_MS = 1_200_000

export const PASSWORD = 'correct horse/battery@staple'
const USER = 'latchkey'

/** The server named by LATCHKEY_TEST_POSTGRES, or one of our own. */
export async function startPostgres(): Promise<PostgresServer> {
  const named = process.env.LATCHKEY_TEST_POSTGRES
  return named === undefined ? startOwnPostgres() : usePostgres(named)
}

/** One that is there: nothing stays of what was made on it. */
export function usePostgres(named: string): PostgresServer {
  const made: string[] = []
  return {
    ...administer(named, made),
    async stop() {
      for (const name of made) await query(named, `DROP DATABASE IF EXISTS ${name} WITH (FORCE)`)
    },
  }
}

/**
 * A whole server in a temporary folder, on loopback, whose collation is a person's and not a
 * machine's. It ends with the process that has started it, however that ends. `launcher` is a command
 * that runs another one: taskset, say, and its arguments. With a certificate, it speaks TLS to whoever
 * asks for it.
 */
export async function startOwnPostgres({
  launcher = [],
  tls,
}: {
  launcher?: readonly string[]
  tls?: Certified
} = {}): Promise<OwnPostgres> {
  const home = mkdtempSync(join(tmpdir(), 'latchkey-postgres-'))
  const data = join(home, 'data')
  const { initdb, postgres } = copyBinaries(home)
  // PostgreSQL refuses to run as root; nobody is somebody on every machine.
  const isRoot = process.getuid?.() === 0
  const as = isRoot ? { uid: NOBODY, gid: NOBODY } : {}
  chmodSync(home, 0o700)
  mkdirSync(data, { mode: 0o700 })
  const secret = join(home, 'password')
  writeFileSync(secret, PASSWORD)
  if (isRoot) execFileSync('chown', ['-R', `${NOBODY}:${NOBODY}`, home])
  const options = ['--auth=scram-sha-256', `--username=${USER}`, `--pwfile=${secret}`, '--no-sync']
  const locale = ['--encoding=UTF8', '--locale=C', '--locale-provider=icu', '--icu-locale=en-US']
  execFileSync(initdb, ['-D', data, ...options, ...locale], { ...as, cwd: home, stdio: 'pipe' })

  if (tls !== undefined) {
    for (const [name, pem] of [
      ['server.crt', tls.cert],
      ['server.key', tls.key],
    ] as const) {
      writeFileSync(join(data, name), pem, { mode: 0o600 })
      if (isRoot) chownSync(join(data, name), NOBODY, NOBODY)
    }
  }

  const port = await freePort()
  const url = `postgres://${USER}:${encodeURIComponent(PASSWORD)}@127.0.0.1:${port}/postgres`
  let keeper = keep()
  await answers()

  function keep() {
    const settings = [
      ...['-c', `port=${port}`, '-c', 'listen_addresses=127.0.0.1'],
      ...['-c', `unix_socket_directories=${data}`],
      ...['-c', `ssl=${tls === undefined ? 'off' : 'on'}`],
    ]
    const server = [postgres, '-D', data, ...settings]
    const [program, ...args] = [...launcher, 'sh', '-c', KEEPER, home, ...server]
    // Its input ends with our process, even where that is killed.
    return spawn(program ?? 'sh', args, {
      ...as,
      cwd: home,
      stdio: ['pipe', 'ignore', 'ignore'],
    })
  }

  async function answers(): Promise<void> {
    for (const since = Date.now(); ; await delay(20)) {
      // What is left of a killed one keeps its successor from starting for a moment.
      if (keeper.exitCode !== null) keeper = keep()
      try {
        await query(url, 'SELECT 1')
        return
      } catch (error) {
        if (Date.now() - since > SET_UP_MS / 2) throw error
      }
    }
  }

  async function end(act: () => void): Promise<void> {
    const exited = once(keeper, 'exit')
    act()
    await exited
  }

  return {
    port,
    pid: () => keeper.pid,
    ...administer(url, []),
    async kill(signal) {
      const [pid] = readFileSync(join(data, 'postmaster.pid'), 'utf8').split('\n')
      await end(() => process.kill(Number(pid), signal))
    },
    async start() {
      keeper = keep()
      await answers()
    },
    async stop() {
      if (keeper.exitCode === null) await end(() => keeper.stdin.end())
      rmSync(home, { recursive: true, force: true })
    },
  }
}

const NOBODY = 65_534
/**
 * Runs it until it ends, or until the input does, and then clears its folder away. (What a shell
 * runs beside itself has no input unless it is handed one.)
 */
const KEEPER = `
trap : INT TERM HUP
exec 3<&0
"$@" 3<&- &
pid=$!
{ cat; touch "$0/over"; kill -QUIT $pid; } <&3 &
wait $pid
if [ -e "$0/over" ]; then rm -rf "$0"; else kill $!; fi
exit 1`

function administer(admin: string, made: string[]): Omit<PostgresServer, 'stop'> {
  return {
    query,
    async createDatabase() {
      const name = `latchkey_${crypto.randomUUID().replaceAll('-', '')}`
      await query(admin, `CREATE DATABASE ${name}`)
      made.push(name)
      const url = new URL(admin)
      url.pathname = `/${name}`
      return url.href
    },
  }
}

async function query(url: string, sql: string): Promise<Record<string, unknown>[]> {
  const client = new Client({ connectionString: url, connectionTimeoutMillis: 60_000 })
  client.on('error', () => undefined)
  try {
    await client.connect()
    return (await client.query<Record<string, unknown>>(sql)).rows
  } finally {
    await client.end().catch(() => undefined)
  }
}

function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer()
    server.once('error', reject)
    server.listen(0, '127.0.0.1', () => {
      const address = server.address()
      server.close(() => resolve(typeof address === 'object' ? (address?.port ?? 0) : 0))
    })
  })
}
