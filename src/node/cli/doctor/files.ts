import { existsSync, readFileSync, type Stats, statSync } from 'node:fs'
import type { Config } from '../../../config.ts'
import { parseRing } from '../../../crypto/keyring.ts'
import { databasePath } from '../../server.ts'
import { explain } from '../explain.ts'
import { bad, type Finding, fine, warn } from './finding.ts'

const SERVE_ONCE = 'run `latchkey serve` once'

/** The data folder, the database's file and the key ring: there, this user's, nobody else's. */
export function checkFiles(config: Config): Finding[] {
  const { dataDir, keyringPath } = config
  const database = databasePath(config)
  return [
    existsSync(dataDir)
      ? checkFolder(dataDir)
      : warn('data folder', `there is no ${dataDir}`, SERVE_ONCE),
    existsSync(database)
      ? checkDatabaseFile(database, isOpen(statSync(dataDir)))
      : warn('database file', `there is no ${database}`, SERVE_ONCE),
    existsSync(keyringPath)
      ? checkKeyring(keyringPath)
      : checkMissingKeyring(keyringPath, existsSync(database)),
  ]
}

function checkFolder(path: string): Finding {
  const check = 'data folder'
  const stats = statSync(path)
  if (!stats.isDirectory()) return bad(check, `${path} is not a folder`, 'set LATCHKEY_DATA')
  if (isOpen(stats)) {
    return bad(check, `others may use ${path} (mode ${modeOf(stats)})`, `chmod 700 ${path}`)
  }
  return checkOwner(check, path, stats) ?? fine(check, path)
}

function checkDatabaseFile(path: string, folderIsOpen: boolean): Finding {
  const check = 'database file'
  const stats = statSync(path)
  if (isOpen(stats)) {
    const message = `others may use ${path} (mode ${modeOf(stats)})`
    const advice = `chmod 600 ${path}`
    // A closed folder still keeps them out.
    return folderIsOpen ? bad(check, message, advice) : warn(check, message, advice)
  }
  return checkOwner(check, path, stats) ?? fine(check, path)
}

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

/** A server would make a new ring, which proves and opens nothing of what this database knows. */
function checkMissingKeyring(path: string, hasDatabase: boolean): Finding {
  const message = `there is no ${path}`
  if (!hasDatabase) return warn('key ring', message, SERVE_ONCE)
  return bad('key ring', `${message}, but a database`, 'restore it from a backup before you serve')
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
