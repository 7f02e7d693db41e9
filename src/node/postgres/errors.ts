import { StorageUnavailableError } from '../../service/ports/storage.ts'

/** What PostgreSQL, the driver or the network says of what went wrong. */
interface PostgresErrorFields {
  readonly code?: string
  /** PostgreSQL's own: ERROR leaves the connection good, FATAL and PANIC end it. */
  readonly severity?: string
  readonly table?: string
  readonly constraint?: string
  /** A name with several addresses: one error for each. */
  readonly errors?: readonly Error[]
}

/**
 * SQLSTATEs of a database that cannot serve now: connection lost (08), out of resources (53), shut
 * down, starting up or out of time (57), locked for too long, in conflict again and again, or a
 * standby that takes no write. Whatever ends or refuses the connection itself is one of them, too.
 */
const TRANSIENT_SQLSTATES = /^(08|53|57|55P03$|40001$|40P01$|25006$)/

/** The driver's own errors have no code. */
const DRIVER_MESSAGES = /connection|connecting|connect\b|timeout|not queryable|SSL/i

/** The network's, and TLS's: a certificate that was not renewed, say, will be. */
const NETWORK_CODES = /^(E[A-Z]|CERT_|UNABLE_TO_|SELF_SIGNED_|DEPTH_ZERO_)/

const readErrorFields = (error: unknown): PostgresErrorFields =>
  error instanceof Error ? (error as PostgresErrorFields) : {}

/** Whether the connection that it came from can be used again. */
export const isConnectionUsable = (error: unknown): boolean =>
  readErrorFields(error).severity === 'ERROR'

/** Whether the same transaction can succeed when it is tried again. */
export const isSerializationConflict = (error: unknown): boolean =>
  ['40001', '40P01'].includes(readErrorFields(error).code ?? '')

/**
 * The error as it may be logged. What PostgreSQL adds (`detail`, `where`) quotes rows, and what the
 * driver adds holds the connection: neither is for a log.
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

/** An AggregateError has no message of its own. */
function formatErrorMessage(error: Error): string {
  const { errors = [], code } = readErrorFields(error)
  const message = error.message || errors.map(({ message }) => message).join(', ')
  return message || (code ?? error.name)
}

/** Why no server starts with this database. The command line has a sentence for each code. */
export class DatabaseOpenError extends Error {
  override name = 'NoDatabase'
  readonly code: string | undefined
  /** HOST:PORT, or the folder of a socket. Never the URL: it has the password in it. */
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
