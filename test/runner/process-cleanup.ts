import { spawn } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import { readdirSync, readFileSync } from 'node:fs'
import { setTimeout as delay } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'

/** Every process of a run has this in its environment, however it was started and by which. */
const RUN_VARIABLE = 'TEST_RUN'
/** Processes that end with the one that started them have this long to do so. */
const SHUTDOWN_GRACE_MS = 10_000

/**
 * A process that a test has started ends with the run at the latest, even where the test failed or
 * its worker or the whole run was killed: a process outside sees the end of its own input, and ends
 * what still bears the mark. It reads /proc, so on Linux alone.
 */
export function setup(): void {
  const mark = randomUUID()
  const watcher = spawn(
    process.execPath,
    [fileURLToPath(import.meta.url), mark, String(SHUTDOWN_GRACE_MS)],
    {
      detached: true,
      stdio: ['pipe', 'ignore', 'inherit'],
    },
  )
  watcher.unref()
  process.env[RUN_VARIABLE] = mark
}

/** The processes with this mark: id and command line. */
function findProcesses(mark: string): Map<number, string> {
  const found = new Map<number, string>()
  for (const name of readdirSync('/proc')) {
    if (!/^\d+$/.test(name)) continue
    try {
      const variables = readFileSync(`/proc/${name}/environ`, 'utf8').split('\0')
      if (!variables.includes(`${RUN_VARIABLE}=${mark}`)) continue
      const command = readFileSync(`/proc/${name}/cmdline`, 'utf8').split('\0').join(' ')
      found.set(Number(name), command.trim())
    } catch {
      // It has ended, or is of another user.
    }
  }
  return found
}

function killProcess(id: number): void {
  try {
    process.kill(id, 'SIGKILL')
  } catch {
    // It has just ended.
  }
}

/** Waits until they have ended by themselves, and ends those that have not: answers which. */
async function endLeftoverProcesses(mark: string, graceMs: number): Promise<string[]> {
  const until = performance.now() + graceMs
  while (performance.now() < until && findProcesses(mark).size > 0) await delay(200)
  const endedCommands: string[] = []
  // One that starts others while it is ended has those ended too.
  for (let remaining = findProcesses(mark); remaining.size > 0; remaining = findProcesses(mark)) {
    for (const [id, command] of remaining) {
      if (!endedCommands.includes(`${id} ${command}`)) endedCommands.push(`${id} ${command}`)
      killProcess(id)
    }
    await delay(10)
  }
  return endedCommands
}

if (import.meta.main && process.platform === 'linux') {
  const [, , mark = '', graceMs] = process.argv
  process.stdin.resume().once('close', async () => {
    for (const command of await endLeftoverProcesses(mark, Number(graceMs))) {
      process.stderr.write(`A test left this process behind, and it was ended: ${command}\n`)
    }
  })
}
