import { cpSync, mkdirSync } from 'node:fs'
import { join } from 'node:path'
import {
  createSha256,
  type D1ImportFile,
  type DatabaseLocation,
  openLocation,
} from '../src/node/cli/copy.ts'
import { writeD1Import } from '../src/node/d1-files.ts'
import { type CopiedTable, copyDatabase, isCopyEqual } from '../src/storage/database-copy.ts'
import type { Engine } from '../src/storage/engine.ts'
import { startDistantPostgres } from '../test/support/database/distant-postgres.ts'
import {
  connectToPostgres,
  type PostgresServer,
  startLocalPostgres,
} from '../test/support/database/postgres.ts'
import { buildWorker } from '../test/support/worker/bundle.ts'
import type { BenchEngineName, BenchSettings } from './options.ts'
import {
  type BenchServer,
  NO_QUOTA_SETTINGS,
  PINNED_LAUNCHER,
  readCpuSeconds,
  resolveBenchPath,
  startBenchProcess,
  startLatchkeyProcess,
} from './process.ts'

type LatchkeySettings = Readonly<Record<string, string>>

/** Starts Latchkey on this engine, in an empty folder, with a copy of the seeded data folder. */
export function startEngineServer(
  engine: BenchEngineName,
  folder: string,
  seeded: string,
  settings: BenchSettings,
  latchkeySettings: LatchkeySettings = {},
): Promise<BenchServer> {
  switch (engine) {
    case 'sqlite':
      return startSqliteServer(folder, seeded, latchkeySettings)
    case 'postgres':
      return startPostgresServer(folder, seeded, settings, latchkeySettings)
    case 'd1':
      return startD1Server(folder, seeded, latchkeySettings)
  }
}

function startSqliteServer(
  folder: string,
  seeded: string,
  latchkeySettings: LatchkeySettings,
): Promise<BenchServer> {
  const dataDir = join(folder, 'data')
  mkdirSync(dataDir, { mode: 0o700 })
  cpSync(seeded, dataDir, { recursive: true })
  return startLatchkeyProcess(folder, latchkeySettings)
}

/** Starts Latchkey on PostgreSQL; CPU is the sum of both. */
async function startPostgresServer(
  folder: string,
  seeded: string,
  { postgresUrl, roundTripMs }: BenchSettings,
  latchkeySettings: LatchkeySettings,
): Promise<BenchServer> {
  const { server, cpuSeconds } = await startBenchPostgres(postgresUrl)
  try {
    const databaseUrl = await server.createDatabase()
    await copySeededData(seeded, { engine: 'postgres', url: databaseUrl })
    const distant =
      roundTripMs > 0 ? await startDistantPostgres(new URL(databaseUrl), roundTripMs) : null
    const url = distant === null ? databaseUrl : distant.url(databaseUrl)
    const latchkey = await startLatchkeyProcess(folder, {
      ...latchkeySettings,
      LATCHKEY_DATABASE: url,
      LATCHKEY_KEYRING: join(seeded, 'keyring.json'),
    })
    return {
      ...latchkey,
      cpuSeconds: () => latchkey.cpuSeconds() + cpuSeconds(),
      async stop() {
        await latchkey.stop()
        await distant?.close()
        await server.stop()
      },
    }
  } catch (error) {
    await server.stop()
    throw error
  }
}

/** Starts a PostgreSQL, or connects to the one at `url`, whose CPU is NaN: it may be on another machine. */
async function startBenchPostgres(
  url: string | undefined,
): Promise<{ server: PostgresServer; cpuSeconds(): number }> {
  if (url !== undefined) return { server: connectToPostgres(url), cpuSeconds: () => Number.NaN }
  const server = await startLocalPostgres({ launcher: PINNED_LAUNCHER, fsync: 'on' })
  return { server, cpuSeconds: () => readCpuSeconds(server.pid()) }
}

/** Starts the Worker as it is deployed, in workerd, on a D1 database of this machine. */
async function startD1Server(
  folder: string,
  seeded: string,
  latchkeySettings: LatchkeySettings,
): Promise<BenchServer> {
  const bundle = join(folder, 'bundle')
  const rows = join(folder, 'rows.sql')
  await buildWorker(bundle)
  await copySeededData(seeded, { engine: 'd1-import', path: rows })
  const files = [bundle, rows, join(seeded, 'keyring.json'), join(folder, 'd1')]
  const served = await startBenchProcess(
    [resolveBenchPath('./workerd.ts'), ...files],
    join(folder, 'server.log'),
    // A killed workerd leaves files there, which are deleted with the folder.
    { TMPDIR: folder, ...NO_QUOTA_SETTINGS, ...latchkeySettings },
  )
  // The process holds a runtime and a database, too: its memory is no figure of Latchkey's.
  return { ...served, memory: () => null }
}

const COPY_OPTIONS = { createHash: createSha256, progress: () => {} }

/** Copies the rows of a data folder, as `latchkey copy` does. */
async function copySeededData(
  dataDir: string,
  target: DatabaseLocation | D1ImportFile,
): Promise<void> {
  const path = join(dataDir, 'latchkey.db')
  const source = await openLocation({ engine: 'sqlite', path }, { canCreate: false })
  try {
    const copied =
      target.engine === 'd1-import'
        ? await writeD1Import(source, target.path, COPY_OPTIONS)
        : await copyIntoDatabase(source, target)
    if (!copied.every(isCopyEqual))
      throw new Error(`the copy for ${target.engine} differs from its source`)
  } finally {
    await source.close()
  }
}

async function copyIntoDatabase(
  source: Engine,
  location: DatabaseLocation,
): Promise<CopiedTable[]> {
  const target = await openLocation(location, { canCreate: true })
  try {
    return await copyDatabase(source, target, COPY_OPTIONS)
  } finally {
    await target.close()
  }
}
