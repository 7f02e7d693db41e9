import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import { closeSync, openSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { availableParallelism, cpus, loadavg } from 'node:os'
import { join } from 'node:path'
import { setTimeout as wait } from 'node:timers/promises'
import Database from 'better-sqlite3'
import { PROGRAM } from '../test/runner/program.ts'

/** A server in a process of its own, on the core for servers. */
export interface BenchServer {
  readonly port: number
  /** The port of the console and the management API; NaN for a server without one. */
  readonly consolePort: number
  /** The settings of its process, with which a command uses the same data. */
  readonly settings: Readonly<Record<string, string>>
  /** CPU time so far, of all processes that serve; NaN where it is not known. */
  cpuSeconds(): number
  /** Null where it is not known. */
  memory(): ProcessMemory | null
  stop(): Promise<void>
}

const SERVER_CORE = '0'
const LOAD_CORE = '1'

const canPin =
  !process.argv.includes('--unpinned') &&
  availableParallelism() > 1 &&
  spawnSync('taskset', ['--version']).status === 0

/** The command prefix that pins a program to the core for servers. */
export const PINNED_LAUNCHER: readonly string[] = canPin ? ['taskset', '-c', SERVER_CORE] : []

/** Keeps this process, which makes the load, off the core for servers. */
export function pinLoadProcess(): void {
  if (canPin) spawnSync('taskset', ['-a', '-p', '-c', LOAD_CORE, String(process.pid)])
}

export const resolveBenchPath = (path: string) => new URL(path, import.meta.url).pathname

/** Lifts the documented quota, which would stop the load. */
export const NO_QUOTA_SETTINGS = { LATCHKEY_QUOTA_REQUESTS: '1000000000' }

/** Starts Latchkey as a user does: the command of the package, with its data in the subfolder `data`. */
export function startLatchkeyProcess(
  folder: string,
  settings: Readonly<Record<string, string>> = {},
  program = PROGRAM,
): Promise<BenchServer> {
  return startBenchProcess([program, 'serve'], join(folder, 'server.log'), {
    LATCHKEY_DATA: join(folder, 'data'),
    LATCHKEY_PORT: '0',
    // The destinations of the delivery benches are on this machine.
    LATCHKEY_DESTINATIONS_ALLOWED: '127.0.0.1',
    ...NO_QUOTA_SETTINGS,
    ...settings,
  })
}

export function startBareServer(folder: string, response: SampledResponse): Promise<BenchServer> {
  const path = join(folder, 'response.json')
  writeFileSync(path, JSON.stringify(response))
  return startBenchProcess([resolveBenchPath('./bare.ts'), path], join(folder, 'bare.log'), {})
}

const START_TIMEOUT_MS = 60_000

/** Starts a Node program on the core for servers. Output goes to a file: reading a pipe would cost the load's core. */
export async function startBenchProcess(
  args: readonly string[],
  logPath: string,
  settings: Readonly<Record<string, string>>,
): Promise<BenchServer> {
  const inherited = Object.entries(process.env).filter(([name]) => !/^(LATCHKEY|NODE)_/.test(name))
  const env = { ...Object.fromEntries(inherited), ...settings }
  const log = openSync(logPath, 'w')
  const [program = '', ...rest] = [...PINNED_LAUNCHER, process.execPath, ...args]
  const child = spawn(program, rest, { env, stdio: ['ignore', log, log] })
  closeSync(log)
  const kill = () => killProcessTree(child.pid)
  process.once('exit', kill)

  return {
    ...(await waitForPorts(child, logPath)),
    settings,
    cpuSeconds: () => readCpuSeconds(child.pid),
    memory: () => readMemory(child.pid),
    async stop() {
      child.kill('SIGTERM')
      if (child.exitCode === null && child.signalCode === null) {
        await new Promise((gone) => child.once('exit', gone))
      }
      process.off('exit', kill)
    },
  }
}

async function waitForPorts(child: ChildProcess, logPath: string) {
  for (const deadline = Date.now() + START_TIMEOUT_MS; Date.now() < deadline; await wait(20)) {
    const log = readFileSync(logPath, 'utf8')
    const line = log.split('\n').find((text) => text.includes('"msg":"listening"'))
    if (line !== undefined) {
      const { url, console } = JSON.parse(line) as { url: string; console?: { port: number } }
      return { port: Number(new URL(url).port), consolePort: console?.port ?? Number.NaN }
    }
    if (child.exitCode !== null) throw new Error(`the server did not start:\n${log}`)
  }
  throw new Error(`the server does not listen after ${START_TIMEOUT_MS} ms`)
}

export interface ProcessMemory {
  readonly rssMb: number
}

const TICKS_PER_SECOND = 100

/** Returns the CPU time of a process and all that it has started; NaN on other systems than Linux. */
export function readCpuSeconds(pid: number | undefined): number {
  if (process.platform !== 'linux' || pid === undefined) return Number.NaN
  return listProcessTree(pid).reduce(
    (all, one) =>
      all +
      // Threads count nanoseconds, and the process counts ended threads, too.
      Math.max(sumThreadNanoseconds(one) / 1e9, sumTicks(one, 'own') / TICKS_PER_SECOND) +
      sumTicks(one, 'children') / TICKS_PER_SECOND,
    0,
  )
}

/** The first field of a thread's schedstat is its time on a core (Linux, sched-stats.rst). */
const sumThreadNanoseconds = (pid: number): number =>
  listThreads(pid).reduce(
    (all, thread) =>
      all + Number(readIfExists(`/proc/${pid}/task/${thread}/schedstat`).split(' ')[0]),
    0,
  )

/** Returns the CPU time of the ended processes that this one has started; NaN as above. */
export const readChildrenCpuSeconds = (): number =>
  process.platform === 'linux' ? sumTicks(process.pid, 'children') / TICKS_PER_SECOND : Number.NaN

/**
 * proc(5): after the program's name in brackets, user and system time are the 12th and 13th field, and
 * those of ended children the two after them.
 */
function sumTicks(pid: number, of: 'own' | 'children'): number {
  const stat = readIfExists(`/proc/${pid}/stat`)
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
  return fields
    .slice(...(of === 'own' ? [11, 13] : [13, 15]))
    .map(Number)
    .reduce((all, one) => all + one, 0)
}

function readMemory(pid: number | undefined): ProcessMemory | null {
  if (process.platform !== 'linux') return null
  const status = readFileSync(`/proc/${pid}/status`, 'utf8')
  return { rssMb: Number(/^VmRSS:\s+(\d+) kB$/m.exec(status)?.[1]) / 1024 }
}

/** Kills a process and all that it has started. */
function killProcessTree(pid: number | undefined): void {
  if (pid === undefined) return
  for (const one of listProcessTree(pid)) {
    try {
      process.kill(one, 'SIGKILL')
    } catch {
      // The process has ended by itself.
    }
  }
}

/** Lists the process, its children and theirs; the process alone on other systems than Linux. */
function listProcessTree(pid: number): number[] {
  return [pid, ...listChildren(pid).flatMap(listProcessTree)]
}

function listChildren(pid: number): number[] {
  const text = listThreads(pid).map((thread) =>
    readIfExists(`/proc/${pid}/task/${thread}/children`).trim(),
  )
  return text.flatMap((pids) => (pids === '' ? [] : pids.split(' ').map(Number)))
}

function listThreads(pid: number): string[] {
  try {
    return readdirSync(`/proc/${pid}/task`)
  } catch {
    return []
  }
}

/** Returns '' for a process that has just ended; its CPU time is then counted with its parent's. */
function readIfExists(path: string): string {
  try {
    return readFileSync(path, 'utf8')
  } catch {
    return ''
  }
}

/** The machine that the figures were measured on. */
export interface MachineDescription {
  readonly cores: number
  readonly cpu: string
  readonly node: string
  readonly sqlite: string
  readonly fileSystem: string
  /** Servers run on one core, the load on another. */
  readonly pinned: boolean
  /** Mean number of processes that had work in the minute before. */
  readonly load: number
}

export function describeMachine(folder: string): MachineDescription {
  const db = new Database(':memory:')
  const sqlite = db.prepare('SELECT sqlite_version()').pluck().get() as string
  db.close()
  const cores = cpus()
  return {
    cores: cores.length,
    cpu: cores[0]?.model ?? 'unknown',
    node: process.version,
    sqlite,
    fileSystem: findFileSystem(folder),
    pinned: canPin,
    load: loadavg()[0] ?? Number.NaN,
  }
}

/** Returns the type of the innermost mount that the folder is in. */
function findFileSystem(folder: string): string {
  if (process.platform !== 'linux') return 'unknown'
  let found = { point: '', type: 'unknown' }
  for (const line of readFileSync('/proc/self/mounts', 'utf8').split('\n')) {
    const [, point = '', type = ''] = line.split(' ')
    const within = point === '/' || folder === point || folder.startsWith(`${point}/`)
    if (point !== '' && within && point.length >= found.point.length) found = { point, type }
  }
  return found.type
}

/** A response of Latchkey, for the bare app to return. */
export interface SampledResponse {
  readonly status: number
  readonly headers: Readonly<Record<string, string>>
  readonly body: string
}

/** Headers that the HTTP server writes by itself. */
const SERVER_HEADERS = ['connection', 'content-length', 'date', 'keep-alive']

/** Sends one request of a script and returns the response. */
export async function sampleResponse(port: number, request: Buffer): Promise<SampledResponse> {
  const [head = '', body = ''] = request.toString().split('\r\n\r\n')
  const [line = '', ...fields] = head.split('\r\n')
  const headers = fields
    .map((field): [string, string] => {
      const at = field.indexOf(': ')
      return [field.slice(0, at), field.slice(at + 2)]
    })
    .filter(([name]) => name !== 'Host' && name !== 'Content-Length')
  const [method = '', path = ''] = line.split(' ')
  const init = { method, headers, ...(body !== '' && { body }) }
  const response = await fetch(`http://127.0.0.1:${port}${path}`, init)
  return {
    status: response.status,
    headers: Object.fromEntries(
      [...response.headers].filter(([name]) => !SERVER_HEADERS.includes(name)),
    ),
    body: await response.text(),
  }
}
