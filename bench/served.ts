import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import { closeSync, openSync, readFileSync, writeFileSync } from 'node:fs'
import { availableParallelism } from 'node:os'
import { join } from 'node:path'
import { setTimeout as wait } from 'node:timers/promises'
import type { Answer } from './answer.ts'
import { cpuSecondsOf, killFamily, type Memory, memoryOf } from './processes.ts'

/** A server in a process of its own, on the servers' core. */
export interface Served {
  readonly port: number
  /** What it and all that serves with it have computed so far; NaN where nobody tells. */
  cpuSeconds(): number
  /** What it holds of the machine's memory now, and the most it ever held; null where none tells. */
  memory(): Memory | null
  stop(): Promise<void>
}

const SERVERS_CORE = '0'
const LOADS_CORE = '1'

/** Whether servers and load can each have a core of their own. */
export const pinned = availableParallelism() > 1 && spawnSync('taskset', ['--version']).status === 0

/** What starts a command on these cores. */
export const launcherOn = (cores = SERVERS_CORE): string[] =>
  pinned ? ['taskset', '-c', cores] : []

/** Keeps this process, which makes the load, on these cores: by default off the servers'. */
export function pinLoad(cores = LOADS_CORE): void {
  if (pinned) spawnSync('taskset', ['-a', '-p', '-c', cores, String(process.pid)])
}

export const file = (path: string) => new URL(path, import.meta.url).pathname

/** The documented quota would stop a load generator. */
export const NO_QUOTA = { LATCHKEY_QUOTA_REQUESTS: '1000000000' }

export interface Start {
  readonly profileDir?: string | undefined
  readonly workers?: number
  readonly cores?: string
  /** Settings beside those of every bench. */
  readonly settings?: Readonly<Record<string, string>>
}

/** Latchkey as a user starts it. */
export function serveLatchkey(
  folder: string,
  { profileDir, workers = 1, cores = SERVERS_CORE, settings: more = {} }: Start,
): Promise<Served> {
  const profiling = profileDir === undefined ? [] : ['--cpu-prof', '--cpu-prof-dir', profileDir]
  const command = ['serve', '--workers', String(workers)]
  const args = [...profiling, ...nodeFlags(), file('../src/node/cli.ts'), ...command]
  const settings = {
    LATCHKEY_DATA: join(folder, 'data'),
    LATCHKEY_PORT: '0',
    // The destinations of the benches of delivery are on this machine.
    LATCHKEY_DESTINATIONS_ALLOWED: '127.0.0.1',
    ...NO_QUOTA,
    ...more,
  }
  return serve(args, join(folder, `server-${workers}.log`), settings, cores)
}

/** The flags that package.json starts Latchkey with. */
function nodeFlags(): string[] {
  const { scripts } = JSON.parse(readFileSync(file('../package.json'), 'utf8')) as {
    scripts: { latchkey: string }
  }
  return /\bnode ((?:--\S+ )*)src/.exec(scripts.latchkey)?.[1]?.trim().split(' ') ?? []
}

export function serveBare(folder: string, answer: Answer): Promise<Served> {
  const path = join(folder, 'answer.json')
  writeFileSync(path, JSON.stringify(answer))
  return serve([file('./bare.ts'), path], join(folder, 'bare.log'), {})
}

const START_MS = 60_000

/** Output goes to a file: a pipe would be read on the load's core, and could be the limit. */
export async function serve(
  args: readonly string[],
  logPath: string,
  settings: Readonly<Record<string, string>>,
  cores = SERVERS_CORE,
): Promise<Served> {
  const inherited = Object.entries(process.env).filter(([name]) => !/^(LATCHKEY|NODE)_/.test(name))
  const env = { ...Object.fromEntries(inherited), ...settings }
  const log = openSync(logPath, 'w')
  const [program = '', ...rest] = [...launcherOn(cores), process.execPath, ...args]
  const child = spawn(program, rest, { env, stdio: ['ignore', log, log] })
  closeSync(log)
  const kill = () => killFamily(child.pid)
  process.once('exit', kill)

  return {
    port: await portOf(child, logPath),
    cpuSeconds: () => cpuSecondsOf(child.pid),
    memory: () => memoryOf(child.pid),
    async stop() {
      child.kill('SIGTERM')
      if (child.exitCode === null && child.signalCode === null) {
        await new Promise((gone) => child.once('exit', gone))
      }
      process.off('exit', kill)
    },
  }
}

async function portOf(child: ChildProcess, logPath: string): Promise<number> {
  for (const deadline = Date.now() + START_MS; Date.now() < deadline; await wait(20)) {
    const log = readFileSync(logPath, 'utf8')
    const line = log.split('\n').find((text) => text.includes('"msg":"listening"'))
    if (line !== undefined) return Number(new URL((JSON.parse(line) as { url: string }).url).port)
    if (child.exitCode !== null) throw new Error(`the server did not start:\n${log}`)
  }
  throw new Error(`the server does not listen after ${START_MS} ms`)
}
