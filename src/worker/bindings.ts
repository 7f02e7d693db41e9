import { type Config, ConfigError, readConfig } from '../config.ts'
import { parseRing, type Ring } from '../crypto/ring.ts'
import type { AnchorNamespace } from './anchor-object.ts'
import type { D1Database } from './d1.ts'

/** The bindings of wrangler.toml, `wrangler secret` and .dev.vars. */
export interface WorkerEnv {
  readonly DB?: D1Database
  readonly AUDIT_ANCHOR?: AnchorNamespace
  readonly LATCHKEY_KEYRING_JSON?: string
  readonly LATCHKEY_WELCOME?: string
  readonly [binding: string]: unknown
}

export interface WorkerBindings {
  readonly db: D1Database
  readonly ring: Ring
  readonly config: Config
  readonly publicUrl: string
  /** The Durable Object that keeps the audit's anchor; undefined if it is not bound. */
  readonly anchor: AnchorNamespace | undefined
  /** The secret part of the first operator's invitation link, if it is set. */
  readonly firstInvitationSecret: string | undefined
}

/** A secret, so it is not among the settings, which may be printed. */
const KEYRING_SECRET = 'LATCHKEY_KEYRING_JSON'
/** A secret that the operator chooses, because no terminal can print an invitation link. */
const WELCOME_SECRET = 'LATCHKEY_WELCOME'

/** Settings of a machine. They are refused, because they would have no effect here. */
const UNSUPPORTED_SETTINGS: Readonly<Record<string, string>> = {
  LATCHKEY_DATA: 'a Worker has no folder',
  LATCHKEY_DATABASE: 'a Worker keeps everything in the D1 database that is bound as DB',
  LATCHKEY_KEYRING: `a Worker has no files: give the key ring itself as the secret ${KEYRING_SECRET}`,
  LATCHKEY_HOST: 'a Worker listens on the routes that wrangler.toml gives it',
  LATCHKEY_PORT: 'a Worker listens on the routes that wrangler.toml gives it',
  LATCHKEY_STOP_SECONDS: 'a Worker is never told to stop',
  LATCHKEY_CONSOLE_HOST: 'the console is at the host name of LATCHKEY_CONSOLE_URL',
  LATCHKEY_CONSOLE_PORT: 'the console is at the host name of LATCHKEY_CONSOLE_URL',
}

/** A Worker has 128 MB of memory, and a message takes several times its length. */
export const WORKER_MESSAGE_LIMIT_BYTES = 4 * 1024 * 1024

/** Reads every binding, or throws one ConfigError that names every problem. */
export function readBindings(env: WorkerEnv): WorkerBindings {
  const problems: string[] = []
  const settings: Record<string, string> = {
    LATCHKEY_MESSAGE_LIMIT_BYTES: String(WORKER_MESSAGE_LIMIT_BYTES),
  }
  for (const [name, value] of Object.entries(env)) {
    if (!name.startsWith('LATCHKEY_') || name === KEYRING_SECRET || name === WELCOME_SECRET)
      continue
    const reason = UNSUPPORTED_SETTINGS[name]
    if (reason !== undefined) problems.push(`${name} cannot be set here: ${reason}`)
    else settings[name] = String(value)
  }

  const config = readOrReport(() => disableUnnamedConsole(readConfig(settings)))
  if (config !== null && config.messageLimitBytes > WORKER_MESSAGE_LIMIT_BYTES) {
    problems.push(
      `LATCHKEY_MESSAGE_LIMIT_BYTES must be at most ${WORKER_MESSAGE_LIMIT_BYTES} here: a Worker has memory for no longer message`,
    )
  }
  if (config !== null && config.publicUrl === null) {
    problems.push(
      'LATCHKEY_URL must be set: a Worker cannot know which of its names is the public one',
    )
  }
  const text = env.LATCHKEY_KEYRING_JSON
  const ring = readOrReport(() => {
    if (!text) throw new Error('it is missing: `latchkey keyring new` prints one')
    return parseRing(text)
  }, KEYRING_SECRET)
  const firstInvitationSecret = env.LATCHKEY_WELCOME
  if (firstInvitationSecret !== undefined && !/^[\w-]{32,256}$/.test(firstInvitationSecret)) {
    problems.push(`${WELCOME_SECRET} must be 32 to 256 of A–Z, a–z, 0–9, dash and underscore`)
  }
  const db = env.DB
  if (db === undefined) problems.push('DB is missing: bind a D1 database by that name')

  if (config?.publicUrl && ring !== null && db !== undefined && problems.length === 0) {
    const anchor = env.AUDIT_ANCHOR
    return { db, ring, config, publicUrl: config.publicUrl, anchor, firstInvitationSecret }
  }
  throw new ConfigError(problems)

  /** Returns null and adds to `problems` if `read` throws. */
  function readOrReport<T>(read: () => T, name?: string): T | null {
    try {
      return read()
    } catch (error) {
      if (error instanceof ConfigError) problems.push(...error.problems)
      else problems.push(`${name}: ${error instanceof Error ? error.message : String(error)}`)
      return null
    }
  }
}

/** Turns the console off if it has no host name: a Worker recognizes its requests only by that. */
const disableUnnamedConsole = (config: Config): Config =>
  config.console?.publicUrl ? config : { ...config, console: null }
