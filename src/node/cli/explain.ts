type Facts = NodeJS.ErrnoException & { address?: string; port?: number; hostname?: string }

/** What a broken machine means for who runs the server, and what would help. */
export function explain(error: unknown): string {
  if (!(error instanceof Error)) return String(error)
  const facts: Facts = error
  const sentence = SENTENCES[facts.code ?? '']?.(facts) ?? `${error.message}${aside(facts)}`
  return sentence.replace(/\s*\n\s*/g, '; ')
}

const SENTENCES: Record<string, (facts: Facts) => string> = {
  EADDRINUSE: ({ address, port }) =>
    `port ${port} of ${address} is taken: stop what listens there, or set LATCHKEY_PORT`,
  EADDRNOTAVAIL: ({ address }) =>
    `this machine has no address ${address}: set LATCHKEY_HOST to one of its own`,
  ENOTFOUND: ({ hostname }) => `LATCHKEY_HOST: nobody knows an address of ${hostname}`,
  EACCES: (facts) =>
    facts.port !== undefined
      ? `port ${facts.port} needs more rights than this user has: set LATCHKEY_PORT to 1024 or above`
      : forbidden(facts),
  EPERM: forbidden,
  EROFS: ({ path }) =>
    `${path ?? 'the disk'} is read-only: set LATCHKEY_DATA to where one may write`,
  EEXIST: ({ path }) => `${path} is in the way: it is not a folder`,
  ENOTDIR: ({ path }) => `${path} leads through something that is not a folder`,
  ENOSPC: () => 'the disk is full: free some space',
  ERR_DLOPEN_FAILED: ({ message }) =>
    `a native module does not load; install again with this Node, ${process.version}: ${message}`,
  SQLITE_CANTOPEN: () =>
    'the database cannot be opened: latchkey.db in LATCHKEY_DATA must be a file of this user, and the folder writable',
  SQLITE_READONLY: () =>
    'the database takes no write: latchkey.db in LATCHKEY_DATA, and the folder, must be writable',
  SQLITE_NOTADB: () => 'latchkey.db in LATCHKEY_DATA is not a database: restore it from a backup',
  SQLITE_CORRUPT: () => 'the database is damaged: restore it from a backup',
  SQLITE_BUSY: () => 'another process holds the database locked: try again',
  SQLITE_FULL: () => 'the disk is full: free some space',
}

function forbidden({ path, code }: Facts): string {
  return `this user may not open ${path ?? 'what it needs'} (${code}): run as its owner, or change its mode`
}

const aside = ({ code, message }: Facts) =>
  code === undefined || message.includes(code) ? '' : ` (${code})`
