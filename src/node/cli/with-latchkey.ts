import { existsSync } from 'node:fs'
import type { Latchkey } from '../../compose.ts'
import type { Config } from '../../config.ts'
import type { Log } from '../../service/ports/runtime.ts'
import { CommandFailure } from './command-failure.ts'

/**
 * Opens the database, which a running server may have open too, for one command, and always closes it.
 * Creates the database only if `canCreate`. Imports lazily, because help and usage errors must load no
 * native module.
 */
export async function withLatchkey<T>(
  work: (latchkey: Latchkey) => Promise<T>,
  { canCreate = false } = {},
): Promise<T> {
  const { readConfig } = await import('../../config.ts')
  const config = readConfig(process.env)
  const { createLog } = await import('../log.ts')
  const { openLatchkey, formatListenerUrl } = await import('../open-latchkey.ts')
  // No command issues a token, so this URL is never used while the port is unknown.
  const publicUrl = config.publicUrl ?? formatListenerUrl(config.host, config.port)
  const log = createLog(config.logLevel, 2)
  if (!canCreate) await requireUsedDatabase(config, log)
  const latchkey = await openLatchkey(config, { publicUrl, log })
  try {
    return await work(latchkey)
  } finally {
    await latchkey.storage.close()
    log.close()
  }
}

/** Requires a database that was used before: a wrong folder must not look like an empty installation. */
async function requireUsedDatabase({ database }: Config, log: Log): Promise<void> {
  if (database.engine === 'sqlite') return requireDatabaseFile(database.path)
  const { isNewDatabase } = await import('../database.ts')
  if (await isNewDatabase(database, log)) {
    throw new CommandFailure(
      'not_found',
      'the PostgreSQL database was never used: set LATCHKEY_DATABASE, or start with `latchkey serve`',
    )
  }
}

export function requireDatabaseFile(path: string): void {
  if (existsSync(path)) return
  throw new CommandFailure(
    'not_found',
    `there is no database at ${path}: set LATCHKEY_DATA, or start with \`latchkey serve\``,
  )
}
