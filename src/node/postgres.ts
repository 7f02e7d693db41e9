import { createHash, randomInt } from 'node:crypto'
import { setTimeout as delay } from 'node:timers/promises'
import { Client, type ClientBase } from 'pg'
import type { Log } from '../service/ports.ts'
import type { Engine, Step } from '../storage/engine.ts'
import { HISTORY, type History } from '../storage/migrations.ts'
import { createConnections, type Limits } from './postgres/connections.ts'
import { isConflict, isHarmless, NoDatabase } from './postgres/failures.ts'
import { isEmpty, prepareSchema, schemaVersion } from './postgres/schema.ts'
import { tellMigration } from './tell-migration.ts'

export interface PostgresOptions {
  /** How many connections the pool may have. */
  readonly connections?: number
  readonly history?: History
  /** How long it waits for whom, where that is not as in production. */
  readonly limits?: Partial<Limits>
}

/** How often a transaction is tried that others were in the way of. */
const ATTEMPTS = 5

/**
 * PostgreSQL, by a pool of connections and statements that each connection prepares once. A read is
 * a statement of its own. A list of writes is one transaction, at READ COMMITTED: every guard stands
 * in the WHERE of its own statement, which PostgreSQL evaluates again on a row that it waited for.
 *
 * While the database is away, every verb throws Unavailable; when it is back, the pool finds out by
 * itself. A write whose connection broke before COMMIT was answered may have been kept or not, and
 * throws Unavailable too: the caller is told to come back, and finds out by asking again. That is
 * safe because no verb depends on being the first: a refresh that was kept is answered again with
 * the same bytes (a repeat), a change that was kept is there to be seen.
 */
export async function openPostgres(
  url: string,
  log: Log,
  { connections: size = 10, history = HISTORY, limits = {} }: PostgresOptions = {},
): Promise<Engine> {
  const connections = createConnections(url, log, size, limits)
  try {
    await connections.use(async (client) => {
      const began = performance.now()
      tellMigration(await prepareSchema(client, history), began, log)
    })
  } catch (error) {
    await connections.close()
    throw new NoDatabase(error, whereIs(url))
  }

  const waiting = new Map<Step, Promise<unknown[]>>()
  function read<Row>(step: Step<Row>): Promise<Row[]> {
    // PostgreSQL's text holds no U+0000: nothing there is equal to what does.
    if (step.values.some((value) => typeof value === 'string' && value.includes('\0'))) {
      return Promise.resolve([])
    }
    // What many ask for in the same words, as every request does for the authority, is read once:
    // but only by those who asked before it was sent. Who comes later must see what was written
    // in between, and reads anew.
    const known = waiting.get(step)
    if (known !== undefined) return known as Promise<Row[]>
    const rows = connections.use(async (client) => {
      waiting.delete(step)
      const result = await run(client, step)
      return result.rows as Row[]
    })
    waiting.set(step, rows)
    rows.catch(() => {
      if (waiting.get(step) === rows) waiting.delete(step)
    })
    return rows
  }

  return {
    sql: 'postgres',
    read,

    async atomic(steps) {
      for (let attempt = 1; ; attempt++) {
        try {
          return await connections.use((client) => write(client, steps))
        } catch (error) {
          if (!isConflict(error) || attempt === ATTEMPTS) throw error
          await delay(randomInt(10 * attempt))
        }
      }
    },

    close: () => connections.close(),
  }
}

/** Whether this database has never been Latchkey's. */
export const isNewPostgres = (url: string, log: Log): Promise<boolean> => ask(url, log, isEmpty)

/** What `latchkey doctor` wants to know. Nothing is written. */
export function inspectPostgres(url: string, log: Log) {
  return ask(url, log, async (client) => ({
    ...whereIs(url),
    version: (await isEmpty(client)) ? null : await schemaVersion(client),
    /** Where one of them is off, a power cut takes what was acknowledged. */
    settings: {
      fsync: await setting(client, 'fsync'),
      synchronous_commit: await setting(client, 'synchronous_commit'),
    },
  }))
}

async function ask<T>(url: string, log: Log, question: (client: ClientBase) => Promise<T>) {
  const connections = createConnections(url, log, 1)
  try {
    return await connections.use(question)
  } catch (error) {
    throw new NoDatabase(error, whereIs(url))
  } finally {
    await connections.close()
  }
}

async function setting(client: ClientBase, name: string): Promise<string> {
  const { rows } = await client.query<{ value: string }>('SELECT current_setting($1) AS value', [
    name,
  ])
  return rows[0]?.value ?? ''
}

/** What may be said of where it is: the URL without its password. */
function whereIs(url: string) {
  const { host, port, database = '', user = '' } = new Client({ connectionString: url })
  return { server: host.startsWith('/') ? host : `${host}:${port}`, database, user }
}

async function write(client: ClientBase, steps: readonly Step[]): Promise<number[]> {
  const [only] = steps
  // One statement is a transaction without being told so: one round trip instead of three.
  if (steps.length === 1 && only !== undefined) return [await change(client, only)]

  await client.query('BEGIN ISOLATION LEVEL READ COMMITTED')
  try {
    const changed: number[] = []
    for (const step of steps) changed.push(await change(client, step))
    await client.query('COMMIT')
    return changed
  } catch (error) {
    // On a connection that broke there is nothing left to undo.
    if (isHarmless(error)) await client.query('ROLLBACK')
    throw error
  }
}

const change = async (client: ClientBase, step: Step): Promise<number> =>
  (await run(client, step)).rowCount ?? 0

const run = (client: ClientBase, { sql, values }: Step) =>
  client.query({ name: nameOf(sql), text: sql, values: [...values] })

const names = new Map<string, string>()

/** Under its name a connection prepares a statement once. The SQL is fixed, so there are few. */
function nameOf(sql: string): string {
  let name = names.get(sql)
  if (name === undefined) {
    name = createHash('sha256').update(sql).digest('base64url').slice(0, 20)
    names.set(sql, name)
  }
  return name
}
