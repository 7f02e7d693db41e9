import { readFileSync } from 'node:fs'
import { cpus } from 'node:os'
import Database from 'better-sqlite3'
import { pinned } from './served.ts'

/** What the figures were measured on. */
export interface Machine {
  readonly cores: number
  readonly cpu: string
  readonly node: string
  readonly sqlite: string
  readonly fileSystem: string
  /** Servers on one core, load on another. */
  readonly pinned: boolean
}

export function describeMachine(folder: string): Machine {
  const db = new Database(':memory:')
  const sqlite = db.prepare('SELECT sqlite_version()').pluck().get() as string
  db.close()
  const cores = cpus()
  return {
    cores: cores.length,
    cpu: cores[0]?.model ?? 'unknown',
    node: process.version,
    sqlite,
    fileSystem: fileSystemOf(folder),
    pinned,
  }
}

/** The type of the innermost mount that the folder is in. */
function fileSystemOf(folder: string): string {
  if (process.platform !== 'linux') return 'unknown'
  let found = { point: '', type: 'unknown' }
  for (const line of readFileSync('/proc/self/mounts', 'utf8').split('\n')) {
    const [, point = '', type = ''] = line.split(' ')
    const within = point === '/' || folder === point || folder.startsWith(`${point}/`)
    if (point !== '' && within && point.length >= found.point.length) found = { point, type }
  }
  return found.type
}
