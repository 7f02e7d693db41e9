import { createHash } from 'node:crypto'
import { resolve } from 'node:path'
import { isPostgresUrl } from '../settings.ts'
import type { HashStream } from '../storage/database-copy.ts'
import type { Engine } from '../storage/engine.ts'
import { SCHEMA_VERSION } from '../storage/tables.ts'
import { readSchemaVersion } from './database.ts'
import { silentLog } from './log.ts'

/** A database that can be a source or a target. */
export type DatabaseLocation =
  | { readonly engine: 'sqlite'; readonly path: string }
  | { readonly engine: 'postgres'; readonly url: string }

/** A file of SQL for D1, only a target. */
export interface D1ImportFile {
  readonly engine: 'd1-import'
  readonly path: string
}

/** Parses `sqlite:PATH`, `postgres://…` or `d1-import:FILE`; null for anything else. */
export function parseLocation(text: string): DatabaseLocation | D1ImportFile | null {
  const [, engine, path = ''] = /^(sqlite|d1-import):(.+)$/s.exec(text) ?? []
  if (engine === 'sqlite' || engine === 'd1-import') return { engine, path: resolve(path) }
  return isPostgresUrl(text) ? { engine: 'postgres', url: text } : null
}

/** Formats the location without a password. */
export function formatLocation(location: DatabaseLocation): string {
  if (location.engine === 'sqlite') return `sqlite:${location.path}`
  const { protocol, host, pathname } = new URL(location.url)
  return `${protocol}//${host}${pathname}`
}

/** Steps run one after another: more connections would idle. */
const COPY_CONNECTIONS = 2

/**
 * Opens a source, or a target, which is created if it does not exist. A copy migrates nothing: both must
 * have the schema of this version.
 */
export async function openLocation(
  location: DatabaseLocation,
  { canCreate }: { canCreate: boolean },
): Promise<Engine> {
  const version = await readSchemaVersion(location)
  if (version === null && !canCreate)
    throw new Error(`there is no Latchkey database in ${formatLocation(location)}`)
  if (version !== null && version !== SCHEMA_VERSION) {
    throw new Error(
      `${formatLocation(location)} has schema version ${version}, this Latchkey copies version ` +
        `${SCHEMA_VERSION}: \`latchkey migrate --plan\` shows whether it can be migrated`,
    )
  }
  if (location.engine === 'sqlite') {
    const { openSqlite } = await import('./sqlite/engine.ts')
    return openSqlite(location.path)
  }
  const { openPostgres } = await import('./postgres/engine.ts')
  return openPostgres(location.url, silentLog, { connections: COPY_CONNECTIONS })
}

export function createSha256(): HashStream {
  const hash = createHash('sha256')
  return { update: (text) => hash.update(text), end: () => hash.digest('hex') }
}
