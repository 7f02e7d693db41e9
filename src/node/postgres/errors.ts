import { StorageUnavailableError } from '../../service/ports/storage.ts'

/** The fields of errors of PostgreSQL, the driver or the network. */
interface PostgresErrorFields {
  readonly code?: string
  /** PostgreSQL's own: ERROR leaves the connection usable, FATAL and PANIC end it. */
  readonly severity?: string
  readonly table?: string
  readonly constraint?: string
  /** One error for each address of a name. */
  readonly errors?: readonly Error[]
}

/**
 * SQLSTATEs of a database that cannot serve now: connection lost (08), out of resources (53), shut down,
 * starting up or out of time (57), locked for too long, in repeated conflict, or a standby that accepts
 * no write. Errors that end or refuse the connection count too.
 */
const TRANSIENT_SQLSTATES = /^(08|53|57|55P03$|40001$|40P01$|25006$)/

/** The driver's own errors have no code. */
const DRIVER_MESSAGES = /connection|connecting|connect\b|timeout|not queryable|SSL/i

/** Codes of the network and of TLS: an expired certificate, say, will be renewed. */
const NETWORK_CODES = /^(E[A-Z]|CERT_|UNABLE_TO_|SELF_SIGNED_|DEPTH_ZERO_)/

const readErrorFields = (error: unknown): PostgresErrorFields =>
  error instanceof Error ? (error as PostgresErrorFields) : {}

/** Tests if PostgreSQL rolled back the statement's transaction, and the connection is intact. */
export const isStatementError = (error: unknown): boolean =>
  readErrorFields(error).severity === 'ERROR'

/** Tests if a group took longer than the driver waits, perhaps for one slow statement. */
export const isQueryTimeout = (error: unknown): boolean =>
  error instanceof Error && error.message === 'Query read timeout'

/** A serialization failure, and a deadlock. */
const CONFLICT_SQLSTATES = ['40001', '40P01']
/**
 * A statement's result has other columns since a newer Latchkey migrated the schema, or the server that a
 * connection pooler chose has not prepared it.
 */
const OUTDATED_STATEMENT_SQLSTATES = ['0A000', '26000']

/** Tests if the same transaction can succeed when it is tried again, perhaps on another connection. */
export const canSucceedAgain = (error: unknown): boolean =>
  [...CONFLICT_SQLSTATES, ...OUTDATED_STATEMENT_SQLSTATES].includes(
    readErrorFields(error).code ?? '',
  )

/** Tests if the connection can be used again after this error. */
export const isConnectionUsable = (error: unknown): boolean =>
  isStatementError(error) &&
  !OUTDATED_STATEMENT_SQLSTATES.includes(readErrorFields(error).code ?? '')

/**
 * Converts an error to one that may be logged. PostgreSQL's `detail` and `where` quote rows, and the
 * driver's error holds the connection: neither belongs in a log.
 */
export function toLoggableError(error: unknown): Error {
  if (!(error instanceof Error) || error instanceof StorageUnavailableError) return error as Error
  const { code, severity, table, constraint } = readErrorFields(error)
  const isTransient =
    severity === undefined
      ? NETWORK_CODES.test(code ?? '') || DRIVER_MESSAGES.test(error.message)
      : severity !== 'ERROR' || TRANSIENT_SQLSTATES.test(code ?? '')
  const words = formatErrorMessage(error)
  if (isTransient)
    return Object.assign(new StorageUnavailableError(`the database: ${words}`), { code, words })
  return Object.assign(new Error(words), { code, table, constraint })
}

/** Formats an error's message; an AggregateError has none of its own. */
function formatErrorMessage(error: Error): string {
  const { errors = [], code } = readErrorFields(error)
  const message = error.message || errors.map(({ message }) => message).join(', ')
  return message || (code ?? error.name)
}

/** Thrown if a database cannot be opened. The command line has a sentence for each code. */
export class DatabaseOpenError extends Error {
  override name = 'NoDatabase'
  readonly code: string | undefined
  /** HOST:PORT, or the folder of a socket; never the URL, which has the password. */
  readonly server: string
  readonly database: string
  readonly user: string

  constructor(error: unknown, at: { server: string; database: string; user: string }) {
    const { code, words } = error as { code?: string; words?: string }
    super(words ?? (error instanceof Error ? error.message : String(error)))
    this.code = code
    this.server = at.server
    this.database = at.database
    this.user = at.user
  }
}
