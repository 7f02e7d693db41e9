import { SCHEMA_VERSION } from '../../../storage/tables.ts'
import { silent } from '../../silent.ts'
import { explain } from '../explain.ts'
import { bad, type Finding, fine, warn } from './finding.ts'
import { adviceFor } from './version.ts'

const CHECK = 'database'

/** What a PostgreSQL says of itself; nothing is written. */
export async function checkPostgres(url: string): Promise<Finding[]> {
  const { inspectPostgres } = await import('../../postgres.ts')
  try {
    const { server, database, version, settings } = await inspectPostgres(url, silent)
    const where = `${database} at ${server}`
    if (version === null) {
      return [warn(CHECK, `${where} is empty`, 'run `latchkey serve` once')]
    }
    if (version !== SCHEMA_VERSION) {
      const message = `its schema has version ${version}, this Latchkey reads ${SCHEMA_VERSION}`
      return [bad(CHECK, message, adviceFor(version ?? 0))]
    }
    const loose = Object.entries(settings).filter(([, value]) => value === 'off')
    if (loose.length > 0) {
      const names = loose.map(([name]) => name).join(' and ')
      return [bad(CHECK, `${where} may lose what it acknowledged: ${names} is off`, 'set it to on')]
    }
    return [fine(CHECK, `${where}, schema version ${version}`)]
  } catch (error) {
    return [bad(CHECK, explain(error), null)]
  }
}
