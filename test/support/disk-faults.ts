import { execFileSync, spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DISK_FOLDER_VARIABLE } from '../runner/process-cleanup.ts'
import type { ServerProcess } from './process.ts'

/** `unshare -rm` gives a process mounts of its own without root, where the system allows it. */
export const canUnshareMounts = spawnSync('unshare', ['-rm', 'true']).status === 0
export const canLimitFileSize = spawnSync('prlimit', ['--version']).status === 0
export const canSetImmutable = detectImmutableSupport()

if (!canUnshareMounts)
  console.log('Skipped: faults of a mounted disk; unshare(1) may not make mounts here.')
if (!canLimitFileSize)
  console.log('Skipped: faults of a failing disk; there is no prlimit(1) here.')
if (!canSetImmutable)
  console.log('Skipped: files that become read-only; chattr(1) may not do so here.')

/** Creates a temporary folder on a disk, even where those of other tests are in memory. */
export function createDiskFolder(): string {
  return mkdtempSync(join(process.env[DISK_FOLDER_VARIABLE] ?? tmpdir(), 'latchkey-test-'))
}

/** No file of the process may grow past this; `undefined` lifts it. As a disk that takes no write. */
export function limitFileSize(
  { process: { pid } }: ServerProcess,
  bytes: number | undefined,
): void {
  const limit = bytes === undefined ? 'unlimited' : String(bytes)
  execFileSync('prlimit', ['--pid', String(pid), `--fsize=${limit}:`])
}

/** The folder as a server in a cage sees it. */
export const toMountPath = ({ process: { pid } }: ServerProcess, dir: string): string =>
  join(`/proc/${pid}/root`, dir)

/** Fills the file system that the folder is on, to the last byte; answers with what to delete. */
export function fillDisk(dir: string): string {
  const path = join(dir, 'filler')
  for (let size = 1 << 20; size >= 1; size >>= 1) {
    try {
      for (;;) writeFileSync(path, Buffer.alloc(size), { flag: 'a' })
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENOSPC') throw error
    }
  }
  return path
}

/** Makes files read-only until they are thawed, even for root and for processes that have them open. */
export function makeImmutable(...paths: string[]): void {
  execFileSync('chattr', ['+i', ...paths])
}

export function makeMutable(...paths: string[]): void {
  execFileSync('chattr', ['-i', ...paths])
}

function detectImmutableSupport(): boolean {
  const dir = createDiskFolder()
  try {
    if (spawnSync('chattr', ['+i', dir]).status !== 0) return false
    makeMutable(dir)
    return true
  } finally {
    rmSync(dir, { recursive: true })
  }
}
