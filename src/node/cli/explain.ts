type Facts = NodeJS.ErrnoException & {
  address?: string
  port?: number
  hostname?: string
  /** The prefix of the listener's settings, such as LATCHKEY_CONSOLE. */
  settings?: string
  /** Where it came from, if that is a PostgreSQL. */
  server?: string
  database?: string
  user?: string
}

/** What a broken machine means for who runs the server, and what would help. */
export function explain(error: unknown): string {
  if (!(error instanceof Error)) return String(error)
  const facts: Facts = error
  const known = facts.server === undefined ? SENTENCES : POSTGRES
  const sentence = known[facts.code ?? '']?.(facts) ?? unknown(facts)
  return sentence.replace(/\s*\n\s*/g, '; ')
}

const SENTENCES: Record<string, (facts: Facts) => string> = {
  EADDRINUSE: ({ address, port, settings }) =>
    `port ${port} of ${address} is taken: stop what listens there, or set ${settings}_PORT`,
  EADDRNOTAVAIL: ({ address, settings }) =>
    `this machine has no address ${address}: set ${settings}_HOST to one of its own`,
  ENOTFOUND: ({ hostname, settings }) =>
    `the host name ${hostname} has no address: set ${settings}_HOST to an address of this machine`,
  EACCES: (facts) =>
    facts.port !== undefined
      ? `port ${facts.port} needs more rights than this user has: set ${facts.settings}_PORT to 1024 or above`
      : forbidden(facts),
  EPERM: forbidden,
  EROFS: ({ path }) =>
    `${path ?? 'the disk'} is read-only: set LATCHKEY_DATA to where one may write`,
  ENOENT: ({ path }) => `there is no ${path ?? 'such file'}`,
  EEXIST: ({ path }) => `${path} is in the way: it is not a folder`,
  ENOTDIR: ({ path }) => `${path} leads through something that is not a folder`,
  ENOSPC: () => 'the disk is full: free some space',
  ERR_DLOPEN_FAILED: ({ message }) =>
    `a native module does not load; install again with this Node, ${process.version}: ${message}`,
  SQLITE_CANTOPEN: () =>
    'the database cannot be opened: latchkey.db in LATCHKEY_DATA must be a file of this user, and the folder writable',
  SQLITE_READONLY: () =>
    'the database takes no write: latchkey.db in LATCHKEY_DATA, and the folder, must be writable',
  SQLITE_READONLY_DBMOVED: () => 'the database was replaced while it was opened: start again',
  SQLITE_NOTADB: () => 'latchkey.db in LATCHKEY_DATA is not a database: restore it from a backup',
  SQLITE_CORRUPT: () => 'the database is damaged: restore it from a backup',
  SQLITE_BUSY: () => 'another process holds the database locked: try again',
  SQLITE_FULL: () => 'the disk is full: free some space',
}

const gone = ({ server, code }: Facts) =>
  `PostgreSQL at ${server} cannot be reached (${code}): is it running, and is LATCHKEY_DATABASE right?`
const notYet = ({ server }: Facts) => `PostgreSQL at ${server} takes no connection now: try again`

const unknownAuthority = ({ server }: Facts) =>
  `PostgreSQL at ${server} shows a certificate of an authority that is not known here: ` +
  'name the file with its certificate in LATCHKEY_DATABASE, sslrootcert=FILE'

/** By what the network, TLS or PostgreSQL (SQLSTATE) calls it. */
const POSTGRES: Record<string, (facts: Facts) => string> = {
  ECONNREFUSED: gone,
  ECONNRESET: gone,
  EHOSTUNREACH: gone,
  ENETUNREACH: gone,
  ETIMEDOUT: gone,
  ENOENT: gone,
  EACCES: gone,
  ENOTFOUND: ({ server }) =>
    `nobody knows an address of ${server}: is LATCHKEY_DATABASE right, with %XX in its password?`,
  EAI_AGAIN: ({ server }) => `no name server says where ${server} is: try again`,
  ERR_TLS_CERT_ALTNAME_INVALID: ({ server }) =>
    `PostgreSQL at ${server} shows a certificate of another name: ` +
    'name the host in LATCHKEY_DATABASE as its certificate does',
  CERT_HAS_EXPIRED: ({ server }) =>
    `PostgreSQL at ${server} shows a certificate that has expired: renew it`,
  // Another authority of the same name.
  CERT_SIGNATURE_FAILURE: unknownAuthority,
  DEPTH_ZERO_SELF_SIGNED_CERT: unknownAuthority,
  SELF_SIGNED_CERT_IN_CHAIN: unknownAuthority,
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: unknownAuthority,
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: unknownAuthority,
  '28P01': ({ server, user }) =>
    `PostgreSQL at ${server} refuses the password of ${user}: correct LATCHKEY_DATABASE`,
  '28000': ({ server, user, database }) =>
    `PostgreSQL at ${server} does not let ${user} into ${database}: see its pg_hba.conf, or LATCHKEY_DATABASE`,
  '3D000': ({ server, database }) =>
    `PostgreSQL at ${server} has no database ${database}: make it (CREATE DATABASE), or correct LATCHKEY_DATABASE`,
  '42501': ({ user, database }) =>
    `${user} may not make tables in ${database}: make it the database's owner`,
  '42P07': ({ database }) =>
    `${database} holds tables that are not Latchkey's: give Latchkey a database of its own`,
  '53300': notYet,
  '57P03': notYet,
}

function forbidden({ path, code }: Facts): string {
  return `this user may not open ${path ?? 'what it needs'} (${code}): run as its owner, or change its mode`
}

function unknown({ server, code, message }: Facts): string {
  const aside = code === undefined || message.includes(code) ? '' : ` (${code})`
  return `${server === undefined ? '' : `PostgreSQL at ${server}: `}${message}${aside}`
}
