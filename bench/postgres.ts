import { join } from 'node:path'
import { type PostgresServer, startOwnPostgres, usePostgres } from '../support/postgres/server.ts'
import { copySeeded } from './copy.ts'
import { cpuSecondsOf } from './processes.ts'
import { launcherOn, type Served, serveLatchkey } from './served.ts'

export interface PostgresSettings {
  readonly profileDir: string | undefined
  /** One that is there, instead of one of our own. */
  readonly postgresUrl: string | undefined
}

/** Latchkey on PostgreSQL. What serves is both, so the processor time is that of both. */
export async function servePostgres(
  folder: string,
  seeded: string,
  { profileDir, postgresUrl }: PostgresSettings,
): Promise<Served> {
  const { server, cpuSeconds } = await startServer(postgresUrl)
  try {
    const url = await server.createDatabase()
    await copySeeded(seeded, { engine: 'postgres', url })
    const latchkey = await serveLatchkey(folder, {
      profileDir,
      settings: { LATCHKEY_DATABASE: url, LATCHKEY_KEYRING: join(seeded, 'keyring.json') },
    })
    return {
      ...latchkey,
      cpuSeconds: () => latchkey.cpuSeconds() + cpuSeconds(),
      async stop() {
        await latchkey.stop()
        await server.stop()
      },
    }
  } catch (error) {
    await server.stop()
    throw error
  }
}

/** Of one that is there nobody tells what it computes: it may be another machine's. */
async function startServer(
  named: string | undefined,
): Promise<{ server: PostgresServer; cpuSeconds(): number }> {
  if (named !== undefined) return { server: usePostgres(named), cpuSeconds: () => Number.NaN }
  const server = await startOwnPostgres({ launcher: launcherOn() })
  return { server, cpuSeconds: () => cpuSecondsOf(server.pid()) }
}
