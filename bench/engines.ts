import { cpSync, mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { serveD1 } from './d1.ts'
import type { EngineName, Settings } from './options.ts'
import { servePostgres } from './postgres.ts'
import { type Served, serveLatchkey } from './served.ts'

/** Latchkey on this engine, in a folder of its own, with a copy of what was seeded. */
export function serveEngine(
  engine: EngineName,
  folder: string,
  seeded: string,
  settings: Settings,
): Promise<Served> {
  const own = join(folder, engine)
  mkdirSync(own)
  switch (engine) {
    case 'sqlite':
      return serveSqlite(own, seeded, settings)
    case 'postgres':
      return servePostgres(own, seeded, settings)
    case 'd1':
      return serveD1(own, seeded)
  }
}

function serveSqlite(own: string, seeded: string, settings: Settings): Promise<Served> {
  const dataDir = join(own, 'data')
  mkdirSync(dataDir, { mode: 0o700 })
  cpSync(seeded, dataDir, { recursive: true })
  return serveLatchkey(own, settings)
}
