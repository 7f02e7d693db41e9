import { rmSync } from 'node:fs'
import { join } from 'node:path'
import { compose } from '../../src/compose.ts'
import { readConfig } from '../../src/config.ts'
import type { Argon2 } from '../../src/crypto/primitives.ts'
import { createDispatch } from '../../src/node/courier/dispatch.ts'
import { nodeArgon2, nodePrimitives } from '../../src/node/primitives.ts'
import { openSqlite } from '../../src/node/sqlite.ts'
import { createCarry } from '../../src/node/upstream/carry.ts'
import { keyringOf, testRing } from './ring.ts'
import { callOf, temporaryFolder, testClock, testLog } from './server.ts'

/** The real argon2, counted. */
export function countingArgon2(): Argon2 & { verified: number } {
  return {
    verified: 0,
    hash: nodeArgon2.hash,
    verify(phc, secret) {
      this.verified++
      return nodeArgon2.verify(phc, secret)
    },
  }
}

/** A server put together by hand, on a real database, so that one of its parts can be watched. */
export async function composedServer(
  settings: Record<string, string>,
  argon2: Argon2,
  { synchronousMs }: { synchronousMs?: number } = {},
) {
  const dir = temporaryFolder()
  const clock = testClock()
  const ring = await testRing()
  const keyring = keyringOf(ring)
  const engine = openSqlite(join(dir, 'latchkey.db'))
  /** The statements that were read. */
  const reads: string[] = []
  const config = readConfig({ LATCHKEY_DATA: dir, ...settings })
  const latchkey = compose({
    config,
    publicUrl: 'https://latchkey.example',
    consoleUrl: 'https://console.example',
    engine: {
      ...engine,
      read(step) {
        reads.push(step.sql)
        return engine.read(step)
      },
    },
    primitives: nodePrimitives,
    argon2,
    keyring,
    clock,
    log: testLog(),
    carry: createCarry({ timeoutMs: 1000 }),
    dispatch: createDispatch({ allowed: config.destinationsAllowed }),
    cores: 2,
    leaseMs: 15_000,
    synchronousMs,
    peerOf: (c) => c.env?.incoming?.socket.remoteAddress ?? '203.0.113.7',
  })
  const post = (path: string, body: object) =>
    latchkey.app.request(path, { method: 'POST', body: JSON.stringify(body) })
  return {
    ...latchkey,
    reads,
    clock,
    ring,
    keyring,
    call: callOf(latchkey),
    post,
    async close() {
      await latchkey.storage.close()
      rmSync(dir, { recursive: true })
    },
  }
}
