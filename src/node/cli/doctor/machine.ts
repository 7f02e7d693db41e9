import { existsSync, statfsSync } from 'node:fs'
import type { Config } from '../../../config.ts'
import { nodeArgon2 } from '../../primitives.ts'
import { type Finding, fine, warn } from './finding.ts'

/** Reports the version. It is recent enough, because no command starts with an older one. */
export const checkNode = (): Finding => fine('node', `version ${process.versions.node}`)

/** Twenty times what a server core takes: a first exchange that waits as long is felt. */
const SLOW_HASH_MS = 200

/** The first computation pays for loading; the second is what an exchange pays. */
export async function checkHashing(): Promise<Finding> {
  await nodeArgon2.hash('not a secret')
  const started = performance.now()
  await nodeArgon2.hash('not a secret')
  const ms = Math.ceil(performance.now() - started)
  const message = `one secret takes ${ms} ms`
  return ms <= SLOW_HASH_MS
    ? fine('argon2', message)
    : warn('argon2', message, 'the machine is slow or busy: give it more of a processor')
}

const ROOM_BYTES = 1e9

export function checkDisk({ dataDir }: Config): Finding[] {
  if (!existsSync(dataDir)) return []
  const { bavail, bsize } = statfsSync(dataDir)
  const free = bavail * bsize
  const message = `${(free / 1e9).toFixed(1)} GB are free for ${dataDir}`
  return [
    free >= ROOM_BYTES
      ? fine('disk', message)
      : warn('disk', message, 'make room: a full disk accepts no message'),
  ]
}
