import { rmSync } from 'node:fs'
import { join } from 'node:path'
import { type Context, Hono } from 'hono'
import { compose } from '../../src/compose.ts'
import { composeApps } from '../../src/compose-apps.ts'
import { readConfig } from '../../src/config.ts'
import type { Argon2 } from '../../src/crypto/primitives.ts'
import type { SurfaceDeps } from '../../src/http/vendors/surface-handlers.ts'
import { createLazySecretChecks } from '../../src/node/open-latchkey.ts'
import { createSendHttp } from '../../src/node/outbound-http.ts'
import { readConsoleAssets } from '../../src/node/package-file.ts'
import { nodePrimitives } from '../../src/node/primitives.ts'
import { openSqlite } from '../../src/node/sqlite/engine.ts'
import { createUpstreamFetch } from '../../src/node/upstream-fetch.ts'
import type { Engine } from '../../src/storage/engine.ts'
import { createTestRing, toKeyring } from './keyring.ts'
import { createAppCaller, createTempFolder, createTestLog, leastWorkArgon2 } from './server.ts'
import { createTestClock } from './time.ts'

/** The real argon2 with the least work that it knows, counted. */
export function createCountingArgon2(): Argon2 & { verified: number } {
  return {
    verified: 0,
    hash: leastWorkArgon2.hash,
    verify(phc, secret) {
      this.verified++
      return leastWorkArgon2.verify(phc, secret)
    },
  }
}

/** A server put together by hand, on a real database, so that one of its parts can be watched. */
export async function composeTestServer(
  settings: Record<string, string>,
  argon2: Argon2,
  {
    synchronousMs,
    openEngine = (dir) => openSqlite(join(dir, 'latchkey.db')),
  }: { synchronousMs?: number; openEngine?: (dir: string) => Engine } = {},
) {
  const dir = createTempFolder()
  const clock = createTestClock()
  const ring = await createTestRing()
  const keyring = toKeyring(ring)
  const engine = openEngine(dir)
  /** The statements that were read. */
  const reads: string[] = []
  const config = readConfig({ LATCHKEY_DATA: dir, ...settings })
  const log = createTestLog()
  const secretChecks = createLazySecretChecks(log)
  /** The algorithms of the imported hashes that were checked. */
  const importChecks: string[] = []
  const latchkey = compose({
    config,
    publicUrl: 'https://latchkey.example',
    consoleUrl: 'https://console.example',
    engine: {
      sql: engine.sql,
      atomic: (steps) => engine.atomic(steps),
      close: () => engine.close(),
      read(step) {
        reads.push(step.sql)
        return engine.read(step)
      },
      scan(step) {
        reads.push(step.sql)
        return engine.scan(step)
      },
    },
    primitives: nodePrimitives,
    argon2,
    secretChecks: {
      ...secretChecks,
      check(secret, check, pepper) {
        importChecks.push(check.algorithm)
        return secretChecks.check(secret, check, pepper)
      },
    },
    keyring,
    clock,
    log,
    sendHttp: createSendHttp({ allowed: config.destinationsAllowed }),
    cores: 2,
    longMessageBytes: 512 * 1024 * 1024,
    leaseMs: 15_000,
    synchronousMs,
  })
  const apps = composeApps(latchkey, {
    consoleAssets: readConsoleAssets(),
    upstreamFetch: createUpstreamFetch({ timeoutMs: 1000 }),
    getPeerAddress: (c) => c.env?.incoming?.socket.remoteAddress ?? '203.0.113.7',
  })
  const post = (path: string, body: object) =>
    apps.app.request(path, { method: 'POST', body: JSON.stringify(body) })
  return {
    ...latchkey,
    ...apps,
    dir,
    reads,
    importChecks,
    clock,
    ring,
    keyring,
    call: createAppCaller(apps),
    post,
    async close() {
      await secretChecks.close()
      await latchkey.storage.close()
      rmSync(dir, { recursive: true })
    },
  }
}

const failUnreachable = () => {
  throw new Error('nobody comes this far')
}

/** The routes of a key type on a machine that breaks where a key is looked up. */
export function createBrokenServer(
  routes: (deps: SurfaceDeps) => (c: Context) => Promise<Response>,
  error: Error,
) {
  const log = createTestLog()
  const app = new Hono()
  app.all(
    '*',
    routes({
      authenticate: () => Promise.reject(error),
      proxyRequest: failUnreachable,
      recordRefusal: Object.assign(() => undefined, { recordResponse: () => undefined }),
      log,
      getPeerAddress: () => '203.0.113.7',
      trustedProxies: [],
      createRequestId: () => crypto.randomUUID(),
    }),
  )
  return { log, request: app.request }
}
