import { spawn } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import { readdirSync, readFileSync } from 'node:fs'
import { setTimeout as delay } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'

/** Every process of a run has this in its environment, however it was started and by which. */
const MARK = 'TEST_RUN'
/** Processes that end with the one that started them have this long to do so. */
const GRACE_MS = 10_000

/**
 * A process that a test has started ends with the run at the latest, even where the test failed or
 * its worker or the whole run was killed: a process outside sees the end of its own input, and ends
 * what still bears the mark. It reads /proc, so on Linux alone.
 */
export function setup(): void {
  const mark = randomUUID()
  const watcher = spawn(
    process.execPath,
    [fileURLToPath(import.meta.url), mark, String(GRACE_MS)],
    {
      detached: true,
      stdio: ['pipe', 'ignore', 'inherit'],
    },
  )
  watcher.unref()
  process.env[MARK] = mark
}

/** The processes with this mark: id and command line. */
function findProcesses(mark: string): Map<number, string> {
  const found = new Map<number, string>()
  for (const name of readdirSync('/proc')) {
    if (!/^\d+$/.test(name)) continue
    try {
      const variables = readFileSync(`/proc/${name}/environ`, 'utf8').split('\0')
      if (!variables.includes(`${MARK}=${mark}`)) continue
      const command = readFileSync(`/proc/${name}/cmdline`, 'utf8').split('\0').join(' ')
      found.set(Number(name), command.trim())
    } catch {
      // It has ended, or is of another user.
    }
  }
  return found
}

function kill(id: number): void {
  try {
    process.kill(id, 'SIGKILL')
  } catch {
    // It has just ended.
  }
}

/** Waits until they have ended by themselves, and ends those that have not: answers which. */
async function endProcesses(mark: string, graceMs: number): Promise<string[]> {
  const until = performance.now() + graceMs
  while (performance.now() < until && findProcesses(mark).size > 0) await delay(200)
  const ended: string[] = []
  // One that starts others while it is ended has those ended too.
  for (let left = findProcesses(mark); left.size > 0; left = findProcesses(mark)) {
    for (const [id, command] of left) {
      if (!ended.includes(`${id} ${command}`)) ended.push(`${id} ${command}`)
      kill(id)
    }
    await delay(10)
  }
  return ended
}

if (import.meta.main && process.platform === 'linux') {
  const [, , mark = '', graceMs] = process.argv
  process.stdin.resume().once('close', async () => {
    for (const command of await endProcesses(mark, Number(graceMs))) {
      process.stderr.write(`A test left this process behind, and it was ended: ${command}\n`)
    }
  })
}
