import { createHash, randomBytes } from 'node:crypto'
import { writeFileSync } from 'node:fs'
import type { Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import Database from 'better-sqlite3'
import type { BenchClient } from '../../oauth.ts'

/*
 * The parts that all peers share. Each is a program `node NAME.ts FOLDER COUNT`, which creates COUNT
 * callers, writes them to callers.json in the folder, listens, and prints its port. `npm run check` does not
 * check their types, because their packages are not there before the first `npm run bench:peers`.
 */

/** The secrets of a caller; undefined where a peer has no such thing. */
export interface PeerCaller {
  readonly id: string
  readonly secret: string
  readonly refreshToken?: string
  readonly apiKey?: string
  /** A client that signs assertions, and a resource server. */
  readonly client?: BenchClient
}

const [, , folderArgument = '', countArgument = '', synchronousArgument = 'FULL'] = process.argv
export const folder = folderArgument
export const createSecret = () => randomBytes(32).toString('base64url')
export const digest = (secret: string) => createHash('sha256').update(secret).digest('base64url')

export const createCallers = (): { id: string; secret: string }[] =>
  Array.from({ length: Number(countArgument) }, (_, n) => ({
    id: `client-${n}`,
    secret: createSecret(),
  }))

/** Opens a database that is as durable as Latchkey's, unless the peer says otherwise. */
export function openPeerDatabase(schema = ''): Database.Database {
  const db = new Database(join(folder, 'peer.db'))
  db.pragma('journal_mode = WAL')
  db.pragma(`synchronous = ${synchronousArgument}`)
  db.exec(schema)
  return db
}

export function announce(
  address: AddressInfo | string | null,
  callers: readonly PeerCaller[],
): void {
  writeFileSync(join(folder, 'callers.json'), JSON.stringify(callers))
  const { port } = address as AddressInfo
  console.log(JSON.stringify({ msg: 'listening', url: `http://localhost:${port}` }))
}

export function listen(server: Server, callers: readonly PeerCaller[]): void {
  server.listen(0, '127.0.0.1', () => announce(server.address(), callers))
}

export const TOKEN_SECONDS = 24 * 60 * 60
