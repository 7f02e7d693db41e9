import { existsSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import type { Config } from '../config.ts'
import { createFolder } from './draft-files.ts'

/** The file beside the demo's database that has its secrets, and marks the folder as the demo's. */
export const getDemoFilePath = (dataDir: string): string => join(dataDir, 'demo.json')

/** Tests if this is the demo's database, whose made-up vendors have their secrets in a file. */
export const isDemo = ({ database }: Config): boolean =>
  database.engine === 'sqlite' && existsSync(getDemoFilePath(dirname(database.path)))

/** Refuses to serve the demo's database: it has an operator already, so no first link would be made. */
export function refuseDemo(config: Config): void {
  if (!isDemo(config)) return
  throw new Error(
    `the database in ${config.dataDir} is the demo's: set LATCHKEY_DATA to another folder, or delete this one`,
  )
}

/** Marks a new folder as the demo's. Throws if the folder belongs to a server. */
export function claimDemoFolder(config: Config): void {
  const { dataDir, database } = config
  if (isDemo(config)) return
  if (database.engine === 'sqlite' && existsSync(database.path)) {
    throw new Error(`${dataDir} belongs to a server: give the demo another folder with --data`)
  }
  createFolder(dataDir)
  writeFileSync(getDemoFilePath(dataDir), '{}', { mode: 0o600 })
}
