import type { Engine } from '../../storage/engine.ts'
import { SCHEMA_VERSION } from '../../storage/tables.ts'
import { silent } from '../silent.ts'
import { versionAt } from '../version.ts'
import { nameOf, type Place } from './place.ts'

/** One thing is done after the other: more connections would idle. */
const CONNECTIONS = 2

/**
 * Opens a database to be copied; or one to be copied into, which is made where it is not there. A
 * copy migrates nothing by the way: both must have the schema of this version.
 */
export async function openPlace(place: Place, { mayMake }: { mayMake: boolean }): Promise<Engine> {
  const version = await versionAt(place)
  if (version === null && !mayMake) throw new Error(`there is no Latchkey in ${nameOf(place)}`)
  if (version !== null && version !== SCHEMA_VERSION) {
    throw new Error(
      `${nameOf(place)} has schema version ${version}, this Latchkey copies version ` +
        `${SCHEMA_VERSION}: \`latchkey migrate --plan\` says whether it can be brought there`,
    )
  }
  if (place.engine === 'sqlite') {
    const { openSqlite } = await import('../sqlite.ts')
    return openSqlite(place.path)
  }
  const { openPostgres } = await import('../postgres.ts')
  return openPostgres(place.url, silent, { connections: CONNECTIONS })
}
