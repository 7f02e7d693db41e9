import { existsSync, mkdirSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import type { Config } from '../../config.ts'

/** What the demo keeps of its keys beside its database, which it marks as the demo's by that. */
export const demoFile = (dataDir: string): string => join(dataDir, 'demo.json')

/** Whether made-up vendors, with secrets that lie in a file, are in this database. */
export const isDemo = ({ database }: Config): boolean =>
  database.engine === 'sqlite' && existsSync(demoFile(dirname(database.path)))

/** Nobody but the demo's made-up operator could sign in, and no link would be made to a first one. */
export function refuseDemo(config: Config): void {
  if (!isDemo(config)) return
  throw new Error(
    `the database in ${config.dataDir} is the demo's: set LATCHKEY_DATA to another folder, or delete this one`,
  )
}

/** Takes a new folder for the demo, and refuses the one of a server. */
export function claimFolder(config: Config): void {
  const { dataDir, database } = config
  if (isDemo(config)) return
  if (database.engine === 'sqlite' && existsSync(database.path)) {
    throw new Error(`${dataDir} is the folder of a server: give the demo another one with --data`)
  }
  mkdirSync(dataDir, { recursive: true, mode: 0o700 })
  writeFileSync(demoFile(dataDir), '{}', { mode: 0o600 })
}
