import { execFile } from 'node:child_process'
import { setTimeout as delay } from 'node:timers/promises'
import { promisify } from 'node:util'
import { type ServerProcess, startServer } from '../support/process.ts'
import type { Chance } from './chance.ts'

const WORKERS = 2

/** `latchkey serve` with two workers, as a user starts it: killed and started again. */
export async function startFleet(dir: string, settings: Readonly<Record<string, string>>) {
  const launch = () => startServer(dir, settings, ['--workers', String(WORKERS)])
  let server = await launch()

  return {
    /** Another one after each start. */
    url: () => server.url,

    /** One of those that serve; who stands above them replaces it. */
    async killWorker(chance: Chance): Promise<void> {
      const [first, ...others] = await workersOf(server)
      if (first === undefined) throw new Error(`nobody serves:\n${server.output()}`)
      await end([chance.pick([first, ...others])])
    },

    /** All of its processes at once, as a power cut does. */
    async kill(): Promise<void> {
      const ended = end(await workersOf(server))
      await server.kill()
      await ended
    },

    async start(): Promise<void> {
      server = await launch()
    },

    /** Resolves when as many serve as should. */
    async isWhole(): Promise<void> {
      while ((await workersOf(server)).length < WORKERS) await delay(50)
    },

    async stop(): Promise<void> {
      const code = await server.stop()
      if (code !== 0) throw new Error(`the server ended with ${code}:\n${server.output()}`)
    },

    /** At once, whatever becomes of it. */
    abandon(): void {
      server.process.kill('SIGKILL')
    },
  }
}

export type Fleet = Awaited<ReturnType<typeof startFleet>>

/** pgrep(1) ends with 1 where there is none. */
async function workersOf({ process: { pid } }: ServerProcess): Promise<number[]> {
  const found = promisify(execFile)('pgrep', ['-P', String(pid)])
  const { stdout } = await found.catch(() => ({ stdout: '' }))
  return stdout.split('\n').filter(Boolean).map(Number)
}

/** Resolves when they are gone. */
async function end(pids: readonly number[]): Promise<void> {
  for (const pid of pids) process.kill(pid, 'SIGKILL')
  while (pids.some(isAlive)) await delay(5)
}

function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0)
  } catch {
    return false
  }
}
