import { accessSync, constants, existsSync, readFileSync, type Stats, statSync } from 'node:fs'
import type { Config } from '../../../config.ts'
import { parseRing } from '../../../crypto/keyring.ts'
import { isDemo } from '../../demo/folder.ts'
import { isNew } from '../../engine.ts'
import { silent } from '../../silent.ts'
import { explain } from '../explain.ts'
import { bad, type Finding, fine, warn } from './finding.ts'

/** The data folder, the database's file and the key ring: there, this user's, nobody else's. */
export async function checkFiles(config: Config): Promise<Finding[]> {
  const { dataDir, keyringPath, database } = config
  // Behind a closed door nothing seems to be there.
  const unusable = whyUnusable(dataDir)
  if (unusable !== null) return [unusable]
  const file = database.engine === 'sqlite' ? database.path : null
  return [
    existsSync(dataDir) ? checkFolder(dataDir) : missing(FOLDER, dataDir),
    ...(file === null ? [] : [checkDatabaseFile(file, dataDir)]),
    ...(isDemo(config) ? [reportDemo(config)] : []),
    existsSync(keyringPath)
      ? checkKeyring(keyringPath)
      : checkMissingKeyring(keyringPath, await holdsSomething(config)),
  ]
}

const FOLDER = 'data folder'

const missing = (check: string, path: string): Finding =>
  warn(check, `there is no ${path}`, 'run `latchkey serve` once')

function whyUnusable(folder: string): Finding | null {
  try {
    if (!statSync(folder).isDirectory()) {
      return bad(FOLDER, `${folder} is not a folder`, 'set LATCHKEY_DATA')
    }
    accessSync(folder, constants.R_OK | constants.W_OK | constants.X_OK)
    return null
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null
    return bad(FOLDER, explain(error), null)
  }
}

function checkFolder(path: string): Finding {
  const stats = statSync(path)
  if (isOpen(stats)) {
    return bad(FOLDER, `others may use ${path} (mode ${modeOf(stats)})`, `chmod 700 ${path}`)
  }
  return checkOwner(FOLDER, path, stats) ?? fine(FOLDER, path)
}

function checkDatabaseFile(path: string, dataDir: string): Finding {
  const check = 'database file'
  if (!existsSync(path)) return missing(check, path)
  const stats = statSync(path)
  if (!stats.isFile())
    return bad(check, `${path} is not a file`, 'is this the right LATCHKEY_DATA?')
  if (isOpen(stats)) {
    const message = `others may use ${path} (mode ${modeOf(stats)})`
    const advice = `chmod 600 ${path}`
    // A closed folder still keeps them out.
    return isOpen(statSync(dataDir)) ? bad(check, message, advice) : warn(check, message, advice)
  }
  return checkOwner(check, path, stats) ?? fine(check, path)
}

const reportDemo = ({ dataDir }: Config): Finding =>
  bad(
    'database file',
    `the database in ${dataDir} is the demo's: no server starts with it`,
    'set LATCHKEY_DATA to another folder, or delete this one',
  )

function checkKeyring(path: string): Finding {
  const check = 'key ring'
  const stats = statSync(path)
  if (isOpen(stats)) {
    return bad(
      check,
      `${path} can be read by others (mode ${modeOf(stats)}), so that no server starts with it`,
      `chmod 600 ${path}, and if anybody did read it, rotate its keys`,
    )
  }
  try {
    const { keys } = parseRing(readFileSync(path, 'utf8'))
    return checkOwner(check, path, stats) ?? fine(check, `${path}, ${keys.length} keys`)
  } catch (error) {
    return bad(check, `${path} cannot be used: ${explain(error)}`, 'restore it from a backup')
  }
}

/** A database that cannot be reached is a finding of its own. */
const holdsSomething = ({ database }: Config): Promise<boolean> =>
  isNew(database, silent).then(
    (yes) => !yes,
    () => false,
  )

/** A new ring would prove and open nothing of what this database knows. */
function checkMissingKeyring(path: string, hasDatabase: boolean): Finding {
  if (!hasDatabase) return missing('key ring', path)
  return bad('key ring', `there is a database, but no ${path}`, 'restore it from a backup')
}

function checkOwner(check: string, path: string, { uid }: Stats): Finding | null {
  const self = process.getuid?.()
  if (self === undefined || self === uid) return null
  return warn(
    check,
    `${path} belongs to user ${uid}, you are user ${self}`,
    'run the server and this command line as its owner',
  )
}

/** Whether group or others may do anything with it. */
const isOpen = ({ mode }: Stats): boolean => (mode & 0o077) !== 0
const modeOf = ({ mode }: Stats): string => `0${(mode & 0o777).toString(8)}`
