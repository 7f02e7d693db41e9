import type { Latchkey } from '../../compose.ts'

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
  if (!canCreate) {
    const { requireUsedDatabase } = await import('./configured-database.ts')
    await requireUsedDatabase(config, log)
  }
  const latchkey = await openLatchkey(config, { publicUrl, log })
  try {
    return await work(latchkey)
  } finally {
    await latchkey.storage.close()
    log.close()
  }
}
