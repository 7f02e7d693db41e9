import {
  accessSync,
  constants,
  existsSync,
  readFileSync,
  type Stats,
  statfsSync,
  statSync,
} from 'node:fs'
import type { Command } from 'commander'
import { type Config, ConfigError, findConfigWarnings, readConfig } from '../../config.ts'
import { parseRing } from '../../crypto/ring.ts'
import { isNewDatabase } from '../database.ts'
import { isDemo } from '../demo-folder.ts'
import { MISSING_KEYRING_ADVICE } from '../keyring-file.ts'
import { silentLog } from '../log.ts'
import { nodeArgon2 } from '../primitives.ts'
import { explainError } from './command-failure.ts'
import {
  checkDatabase,
  type DoctorFinding,
  reportFailure,
  reportOk,
  reportWarning,
} from './doctor-database.ts'
import { alignRows, formatExamples, printOutput } from './print.ts'

export function defineDoctorCommand(group: Command): void {
  group
    .description(
      'Check this installation: machine, configuration, files, database and clock. Each finding ' +
        'that is not ok suggests a fix. Creates nothing. Exits with 1 if a check fails.',
    )
    .addHelpText(
      'after',
      formatExamples('doctor', 'doctor --json | jq \'.items[] | select(.status != "ok")\''),
    )
    .action(async (_: object, command: Command) => {
      const findings = await runChecks()
      printOutput(command, { items: findings, next: null }, () =>
        alignRows(findings.map(formatFinding)),
      )
      if (findings.some(({ status }) => status === 'fail')) process.exitCode = 1
    })
}

async function runChecks(): Promise<DoctorFinding[]> {
  const machine = [checkNode(), await checkHashing()]
  const { config, findings } = checkConfiguration(process.env)
  // The files' locations are settings: without a configuration nothing more can be checked.
  if (config === null) return [...machine, ...findings]
  return [
    ...machine,
    ...findings,
    ...checkDisk(config),
    ...(await checkFiles(config)),
    ...(await checkDatabase(config)),
  ]
}

function formatFinding({ status, check, message, advice }: DoctorFinding): string[] {
  const mark = status === 'fail' ? 'FAIL' : status
  return [mark, check, advice === null ? message : `${message}. To fix it: ${advice}`]
}

/** Reports the version, which is recent enough, because no command starts with an older one. */
const checkNode = (): DoctorFinding => reportOk('node', `version ${process.versions.node}`)

/** Twenty times the duration on a server core: a client notices such a first exchange. */
const SLOW_HASH_MS = 200

/** The first computation includes loading; the second is what an exchange costs. */
async function checkHashing(): Promise<DoctorFinding> {
  await nodeArgon2.hash('not a secret')
  const started = performance.now()
  await nodeArgon2.hash('not a secret')
  const ms = Math.ceil(performance.now() - started)
  const message = `one secret takes ${ms} ms`
  return ms <= SLOW_HASH_MS
    ? reportOk('argon2', message)
    : reportWarning('argon2', message, 'the machine is slow or busy: give it more CPU')
}

const MIN_FREE_DISK_BYTES = 1e9

function checkDisk({ dataDir }: Config): DoctorFinding[] {
  if (!existsSync(dataDir)) return []
  const { bavail, bsize } = statfsSync(dataDir)
  const free = bavail * bsize
  const message = `${(free / 1e9).toFixed(1)} GB are free for ${dataDir}`
  return [
    free >= MIN_FREE_DISK_BYTES
      ? reportOk('disk', message)
      : reportWarning('disk', message, 'free some space: on a full disk, no message is accepted'),
  ]
}

/** Reads the configuration, and reports problems and warnings. */
function checkConfiguration(environment: NodeJS.ProcessEnv): {
  config: Config | null
  findings: DoctorFinding[]
} {
  const check = 'configuration'
  try {
    const config = readConfig(environment)
    const warnings = findConfigWarnings(config)
    const findings = warnings.map((warning) => reportWarning(check, warning, null))
    if (findings.length === 0) findings.push(reportOk(check, 'all settings are valid'))
    return { config, findings }
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error
    // The message has a headline, then a line for each problem.
    const [, ...problems] = error.message.split(/\n\s*/)
    const findings = problems.map((problem) => reportFailure(check, problem, 'change or unset it'))
    return { config: null, findings }
  }
}

/**
 * Checks that the data folder, the database file and the key ring exist and belong to this user alone.
 */
async function checkFiles(config: Config): Promise<DoctorFinding[]> {
  const { dataDir, keyringPath, database } = config
  // Files in an unreadable folder look missing.
  const problem = findFolderProblem(dataDir)
  if (problem !== null) return [problem]
  const file = database.engine === 'sqlite' ? database.path : null
  return [
    existsSync(dataDir) ? checkFolder(dataDir) : reportMissing(FOLDER_CHECK, dataDir),
    ...(file === null ? [] : [checkDatabaseFile(file, dataDir)]),
    ...(isDemo(config) ? [reportDemo(config)] : []),
    existsSync(keyringPath)
      ? checkKeyring(keyringPath)
      : checkMissingKeyring(keyringPath, await hasExistingDatabase(config)),
  ]
}

const FOLDER_CHECK = 'data folder'

const reportMissing = (check: string, path: string): DoctorFinding =>
  reportWarning(check, `there is no ${path}`, 'run `latchkey serve` once')

function findFolderProblem(folder: string): DoctorFinding | null {
  try {
    if (!statSync(folder).isDirectory()) {
      return reportFailure(FOLDER_CHECK, `${folder} is not a folder`, 'set LATCHKEY_DATA')
    }
    accessSync(folder, constants.R_OK | constants.W_OK | constants.X_OK)
    return null
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null
    return reportFailure(FOLDER_CHECK, explainError(error), null)
  }
}

function checkFolder(path: string): DoctorFinding {
  const stats = statSync(path)
  if (isAccessibleToOthers(stats)) {
    return reportFailure(
      FOLDER_CHECK,
      `other users can access ${path} (mode ${formatMode(stats)})`,
      `chmod 700 ${path}`,
    )
  }
  return checkOwner(FOLDER_CHECK, path, stats) ?? reportOk(FOLDER_CHECK, path)
}

function checkDatabaseFile(path: string, dataDir: string): DoctorFinding {
  const check = 'database file'
  if (!existsSync(path)) return reportMissing(check, path)
  const stats = statSync(path)
  if (!stats.isFile()) return reportFailure(check, `${path} is not a file`, 'check LATCHKEY_DATA')
  if (isAccessibleToOthers(stats)) {
    const message = `other users can access ${path} (mode ${formatMode(stats)})`
    const advice = `chmod 600 ${path}`
    // Others cannot read files in a closed folder.
    return isAccessibleToOthers(statSync(dataDir))
      ? reportFailure(check, message, advice)
      : reportWarning(check, message, advice)
  }
  return checkOwner(check, path, stats) ?? reportOk(check, path)
}

const reportDemo = ({ dataDir }: Config): DoctorFinding =>
  reportFailure(
    'database file',
    `the database in ${dataDir} is the demo's: no server starts with it`,
    'set LATCHKEY_DATA to another folder, or delete this one',
  )

function checkKeyring(path: string): DoctorFinding {
  const check = 'key ring'
  const stats = statSync(path)
  if (isAccessibleToOthers(stats)) {
    return reportFailure(
      check,
      `${path} can be read by other users (mode ${formatMode(stats)}), and no server starts with it`,
      `chmod 600 ${path}, and rotate its keys if another user may have read it`,
    )
  }
  try {
    const { keys } = parseRing(readFileSync(path, 'utf8'))
    return checkOwner(check, path, stats) ?? reportOk(check, `${path}, ${keys.length} keys`)
  } catch (error) {
    return reportFailure(
      check,
      `${path} cannot be used: ${explainError(error)}`,
      'restore it from a backup',
    )
  }
}

/** An unreachable database has its own finding. */
const hasExistingDatabase = ({ database }: Config): Promise<boolean> =>
  isNewDatabase(database, silentLog).then(
    (yes) => !yes,
    () => false,
  )

function checkMissingKeyring(path: string, hasDatabase: boolean): DoctorFinding {
  if (!hasDatabase) return reportMissing('key ring', path)
  return reportFailure('key ring', `there is a database, but no ${path}`, MISSING_KEYRING_ADVICE)
}

function checkOwner(check: string, path: string, { uid }: Stats): DoctorFinding | null {
  const self = process.getuid?.()
  if (self === undefined || self === uid) return null
  return reportWarning(
    check,
    `${path} belongs to user ${uid}, but this is user ${self}`,
    'run the server and this command line as its owner',
  )
}

/** Tests if the group or others have any permission. */
const isAccessibleToOthers = ({ mode }: Stats): boolean => (mode & 0o077) !== 0
const formatMode = ({ mode }: Stats): string => `0${(mode & 0o777).toString(8)}`
