import type { Latchkey } from '../../compose.ts'

/**
 * Opens the database that a running server has open too, for one command, and closes it whatever
 * happens. Imported here and not above: help and usage errors load no native module.
 */
export async function withLatchkey<T>(work: (latchkey: Latchkey) => Promise<T>): Promise<T> {
  const { readConfig } = await import('../../config.ts')
  const config = readConfig(process.env)
  const { createLog } = await import('../log.ts')
  const { openLatchkey, formatListenerUrl } = await import('../server.ts')
  // No command issues a token, so that nothing carries this URL where the port is still unknown.
  const publicUrl = config.publicUrl ?? formatListenerUrl(config.host, config.port)
  const log = createLog(config.logLevel, 2)
  const latchkey = await openLatchkey(config, { publicUrl, log })
  try {
    return await work(latchkey)
  } finally {
    await latchkey.storage.close()
    log.close()
  }
}
