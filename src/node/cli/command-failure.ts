import { type Command, CommanderError } from 'commander'
import type { ServiceError, ServiceResult } from '../../service/service-result.ts'
import { findInputName } from './input-names.ts'

type CommandFailureKind = ServiceError['problem'] | 'failed' | 'usage' | 'configuration'

/** Ends a command that did not do what it was asked. The message is one sentence for users. */
export class CommandFailure extends Error {
  override name = 'CommandFailure'
  readonly problem: CommandFailureKind

  constructor(problem: CommandFailureKind, message: string, options?: ErrorOptions) {
    super(message, options)
    this.problem = problem
  }

  /** 1: refused or failed. 2: the command line or the configuration is wrong. */
  get exitCode(): 1 | 2 {
    return ['usage', 'invalid', 'configuration'].includes(this.problem) ? 2 : 1
  }
}

/** Returns a service's value, or throws its failure, which names the option or argument that it is about. */
export function unwrapResult<T>(result: ServiceResult<T>, command?: Command): T {
  if (result.ok) return result.value
  const { failure } = result
  const field = 'field' in failure ? failure.field : undefined
  const name = command && field !== undefined ? findInputName(command, field) : null
  const message = name === null ? failure.message : `${name}: ${failure.message}`
  throw new CommandFailure(failure.problem, message)
}

/**
 * Runs the program. An error prints one sentence on stderr (one JSON document with --json) and sets the
 * exit code. LATCHKEY_LOG_LEVEL=debug adds the stack.
 */
export async function reportErrors(program: Command, run: () => Promise<void>): Promise<void> {
  let help = ''
  program.exitOverride().configureOutput({
    // Reported below, with all other errors.
    outputError: () => undefined,
    writeErr: (text) => {
      help += text
    },
  })

  try {
    await run()
  } catch (error) {
    if (error instanceof CommanderError && error.exitCode === 0) return
    const failure = toCommandFailure(error)
    process.exitCode = failure.exitCode
    writeFailure(failure, help)
    if (process.env.LATCHKEY_LOG_LEVEL === 'debug' && error instanceof Error) {
      process.stderr.write(`${error.stack}\n`)
    }
  }
}

/** Writes one sentence, or a help text instead; with --json, one document. */
export function writeFailure({ problem, message }: CommandFailure, help = ''): void {
  const json = process.argv.includes('--json')
  const document = JSON.stringify({ error: { problem, message } })
  process.stderr.write(json ? `${document}\n` : help || `${message}\n`)
}

function toCommandFailure(error: unknown): CommandFailure {
  if (error instanceof CommandFailure) return error
  if (error instanceof CommanderError) {
    const message =
      error.code === 'commander.help'
        ? 'the command is missing: --help lists all commands'
        : error.message.replace(/^error: /, '').replace(/\s*\n\s*/g, ' ')
    return new CommandFailure('usage', message)
  }
  if (error instanceof Error && error.name === 'ConfigError') {
    return new CommandFailure('configuration', error.message)
  }
  return new CommandFailure('failed', explainError(error))
}

type ListenerOption = 'host' | 'port'

type SystemErrorFields = NodeJS.ErrnoException & {
  address?: string
  port?: number
  hostname?: string
  /** The prefix of the listener's settings, such as LATCHKEY_CONSOLE. */
  settings?: string
  /** The options by which the command takes what the listener has by default from settings. */
  options?: readonly ListenerOption[]
  /** The server, if the error came from PostgreSQL. */
  server?: string
  database?: string
  user?: string
}

/** Makes an error of the listener for vendors name the options of a command, in place of settings. */
export function nameListenerOptions(error: unknown, options: readonly ListenerOption[]): unknown {
  const isOfListener =
    error instanceof Error && 'settings' in error && error.settings === 'LATCHKEY'
  return isOfListener ? Object.assign(error, { options }) : error
}

const nameListenerInput = ({ settings, options }: SystemErrorFields, name: ListenerOption) =>
  options?.includes(name) ? `--${name}` : `${settings}_${name.toUpperCase()}`

/** Explains an error of the machine to the operator, and suggests a fix. */
export function explainError(error: unknown): string {
  if (!(error instanceof Error)) return String(error)
  const facts: SystemErrorFields = error
  const sentences = facts.server === undefined ? SYSTEM_SENTENCES : POSTGRES_SENTENCES
  const sentence = sentences[facts.code ?? '']?.(facts) ?? explainUnknown(facts)
  return sentence.replace(/\s*\n\s*/g, '; ')
}

const SYSTEM_SENTENCES: Record<string, (facts: SystemErrorFields) => string> = {
  EADDRINUSE: (facts) =>
    `port ${facts.port} of ${facts.address} is in use: stop the other program, or set ${nameListenerInput(facts, 'port')}`,
  EADDRNOTAVAIL: (facts) =>
    `this machine has no address ${facts.address}: set ${nameListenerInput(facts, 'host')} to one of its own`,
  ENOTFOUND: (facts) =>
    `the host name ${facts.hostname} has no address: set ${nameListenerInput(facts, 'host')} to an address of this machine`,
  EACCES: (facts) =>
    facts.port !== undefined
      ? `port ${facts.port} is not allowed for this user: set ${nameListenerInput(facts, 'port')} to 1024 or above`
      : explainForbidden(facts),
  EPERM: explainForbidden,
  EROFS: ({ path }) => `${path ?? 'the disk'} is read-only: set LATCHKEY_DATA to a writable folder`,
  ENOENT: ({ path }) => `there is no ${path ?? 'such file'}`,
  EISDIR: ({ path }) =>
    `${path === undefined ? 'there is a folder' : `${path} is a folder`} where a file is needed: name a file`,
  EEXIST: ({ path }) => `${path} exists and is not a folder`,
  ENOTDIR: ({ path }) => `${path} has a parent that is not a folder`,
  ENOSPC: () => 'the disk is full: free some space',
  ERR_DLOPEN_FAILED: ({ message }) =>
    `a native module cannot be loaded. Install Latchkey again with Node ${process.version}: ${message}`,
  SQLITE_CANTOPEN: ({ path = 'the database' }) =>
    `${path} cannot be opened: it must be a file of this user, and its folder writable`,
  SQLITE_IOERR_READ: ({ path = 'the database' }) =>
    `${path} cannot be read: check that it is a file, and its disk`,
  SQLITE_READONLY: ({ path = 'the database' }) =>
    `${path} accepts no writes: the file and its folder must be writable`,
  SQLITE_READONLY_DBMOVED: () => 'the database was replaced while it was opened: start again',
  SQLITE_NOTADB: ({ path = 'the file' }) =>
    `${path} is not a database: name another file, or restore it from a backup`,
  SQLITE_CORRUPT: () => 'the database is damaged: restore it from a backup',
  SQLITE_BUSY: () => 'another process has locked the database: try again',
  SQLITE_FULL: () => 'the disk is full: free some space',
}

const explainUnreachable = ({ server, code }: SystemErrorFields) =>
  `PostgreSQL at ${server} cannot be reached (${code}): check that it runs, and that LATCHKEY_DATABASE is correct`
const explainUnready = ({ server }: SystemErrorFields) =>
  `PostgreSQL at ${server} accepts no connections at the moment: try again`

const explainUnknownAuthority = ({ server }: SystemErrorFields) =>
  `PostgreSQL at ${server} has a certificate from an unknown authority: ` +
  'add the certificate of the authority to LATCHKEY_DATABASE as sslrootcert=FILE'

/** Sentences by the code of the network, TLS or PostgreSQL (SQLSTATE). */
const POSTGRES_SENTENCES: Record<string, (facts: SystemErrorFields) => string> = {
  ECONNREFUSED: explainUnreachable,
  ECONNRESET: explainUnreachable,
  EHOSTUNREACH: explainUnreachable,
  ENETUNREACH: explainUnreachable,
  ETIMEDOUT: explainUnreachable,
  ENOENT: explainUnreachable,
  EACCES: explainUnreachable,
  ENOTFOUND: ({ server }) =>
    `the host ${server} has no address: correct LATCHKEY_DATABASE, and write special characters of its password as %XX`,
  EAI_AGAIN: ({ server }) => `no name server can resolve ${server} at the moment: try again`,
  ERR_TLS_CERT_ALTNAME_INVALID: ({ server }) =>
    `PostgreSQL at ${server} has a certificate for another name: ` +
    'use the host name of the certificate in LATCHKEY_DATABASE',
  CERT_HAS_EXPIRED: ({ server }) => `PostgreSQL at ${server} has an expired certificate: renew it`,
  // The chain has another authority of the same name.
  CERT_SIGNATURE_FAILURE: explainUnknownAuthority,
  DEPTH_ZERO_SELF_SIGNED_CERT: explainUnknownAuthority,
  SELF_SIGNED_CERT_IN_CHAIN: explainUnknownAuthority,
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: explainUnknownAuthority,
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: explainUnknownAuthority,
  '28P01': ({ server, user }) =>
    `PostgreSQL at ${server} refuses the password of ${user}: correct LATCHKEY_DATABASE`,
  '28000': ({ server, user, database }) =>
    `PostgreSQL at ${server} does not allow ${user} to connect to ${database}: check pg_hba.conf and LATCHKEY_DATABASE`,
  '3D000': ({ server, database }) =>
    `PostgreSQL at ${server} has no database ${database}: create it (CREATE DATABASE), or correct LATCHKEY_DATABASE`,
  '42501': ({ user, database }) =>
    `${user} cannot create tables in ${database}: make this user the owner of the database`,
  '42P07': ({ database }) =>
    `${database} has tables of another program: give Latchkey its own database`,
  '53300': explainUnready,
  '57P03': explainUnready,
}

function explainForbidden({ path, code }: SystemErrorFields): string {
  return `this user cannot open ${path ?? 'a file'} (${code}): run the command as its owner, or change its mode`
}

function explainUnknown({ server, code, message }: SystemErrorFields): string {
  const aside = code === undefined || message.includes(code) ? '' : ` (${code})`
  return `${server === undefined ? '' : `PostgreSQL at ${server}: `}${message}${aside}`
}
