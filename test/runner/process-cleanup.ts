import { spawn } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import {
  chmodSync,
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statfsSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'

/** Every process of a run has this in its environment, however it was started and by which. */
const RUN_VARIABLE = 'TEST_RUN'
/** The system's temporary folder, for tests whose subject is a disk. */
export const DISK_FOLDER_VARIABLE = 'TEST_DISK_FOLDER'
/** Processes that end with the one that started them have this long to do so. */
const SHUTDOWN_GRACE_MS = 10_000
/** Several times what a run has at once. */
const MIN_FREE_BYTES = 4 * 2 ** 30

/**
 * A process that a test has started ends with the run at the latest, even where the test failed or
 * its worker or the whole run was killed: a process outside sees the end of its own input, and ends
 * what still bears the mark. It reads /proc, so on Linux alone. It then deletes the temporary folder
 * of the run.
 */
export function setup(): void {
  const mark = randomUUID()
  process.env[DISK_FOLDER_VARIABLE] = tmpdir()
  const folder = mkdtempSync(
    join(process.env.TMPDIR ?? findMemoryFolder() ?? tmpdir(), 'latchkey-run-'),
  )
  // PostgreSQL runs as another user there.
  chmodSync(folder, 0o711)
  const watcher = spawn(
    process.execPath,
    [fileURLToPath(import.meta.url), mark, String(SHUTDOWN_GRACE_MS), folder],
    {
      detached: true,
      stdio: ['pipe', 'ignore', 'inherit'],
    },
  )
  watcher.unref()
  process.env[RUN_VARIABLE] = mark
  process.env.TMPDIR = folder
}

/**
 * Finds a folder in memory for the files of tests: a run makes some 50,000, and ext4 searches long for
 * a place among files that were deleted just now, a fifth of the CPU time of a run. It needs room, and
 * programs must run in it.
 */
function findMemoryFolder(): string | null {
  const folder = '/dev/shm'
  if (!existsSync('/proc/self/mounts')) return null
  const mount = readFileSync('/proc/self/mounts', 'utf8')
    .split('\n')
    .map((line) => line.split(' '))
    .findLast(([, point]) => point === folder)
  if (mount?.[2] !== 'tmpfs' || mount[3]?.split(',').includes('noexec')) return null
  const { bavail, bsize } = statfsSync(folder)
  return bavail * bsize >= MIN_FREE_BYTES ? folder : null
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

if (import.meta.main) {
  const [, , mark = '', graceMs, folder] = process.argv
  process.stdin.resume().once('close', async () => {
    const commands =
      process.platform === 'linux' ? await endLeftoverProcesses(mark, Number(graceMs)) : []
    for (const command of commands) {
      process.stderr.write(`A test left this process behind, and it was ended: ${command}\n`)
    }
    if (folder !== undefined) rmSync(folder, { recursive: true, force: true })
  })
}
