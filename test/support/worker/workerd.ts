import { rmSync } from 'node:fs'
import { join } from 'node:path'
import { build } from 'esbuild'
import { Miniflare, type WorkerOptions } from 'miniflare'
import type { Argon2 } from '../../../src/crypto/primitives.ts'
import type { ImportedSecret } from '../../../src/domain/imported-secret.ts'
import { StorageUnavailableError } from '../../../src/service/ports/storage.ts'
import type { Engine } from '../../../src/storage/engine.ts'
import { createTempFolder } from '../server.ts'
import {
  buildWorker,
  COMPATIBILITY_DATE,
  listWorkerModules,
  readSchemaStatements,
} from './bundle.ts'

/** workerd with a D1 database, and around it what a test needs. */
export interface Workerd {
  readonly mf: Miniflare
  /** The D1 engine of src/worker/d1.ts, at work in workerd. */
  readonly engine: Engine
  /** argon2 of src/worker/argon2.ts, at work in workerd. */
  readonly argon2: Argon2
  /** Checks a secret against an imported hash. Returns the problem of a hash that is refused there. */
  checkSecret(secret: string, imported: ImportedSecret, pepper: string | null): Promise<unknown>
  /** A code judged in workerd, and what it would show to set up an app. */
  totp(secret: string, code: string, now: number): Promise<unknown>
  /** The log of the Workers. */
  readonly logLines: readonly string[]
  dispose(): Promise<void>
}

export interface TestWorkerBindings {
  readonly bindings: Readonly<Record<string, string>>
  /** Responds to the server's outbound requests. */
  readonly outboundService?: (request: Request) => Promise<Response>
}

/** Starts it, with the server's bundle where it is given bindings. */
export async function startWorkerd(
  server?: TestWorkerBindings,
  { schema = readSchemaStatements() } = {},
): Promise<Workerd> {
  const dir = createTempFolder()
  const common = {
    compatibilityDate: COMPATIBILITY_DATE,
    d1Databases: { DB: 'latchkey' },
  }
  await buildHarness(join(dir, 'harness'))
  const workers: WorkerOptions[] = [
    {
      ...common,
      name: 'harness',
      ...listWorkerModules(join(dir, 'harness'), 'harness.js'),
      // Asked at a socket of its own: Miniflare's way to it is a third Worker, and twice the work.
      unsafeDirectSockets: [{ host: '127.0.0.1', port: 0 }],
    },
  ]
  if (server !== undefined) {
    await buildWorker(join(dir, 'server'))
    const { bindings, outboundService } = server
    workers.unshift({
      ...common,
      name: 'server',
      ...listWorkerModules(join(dir, 'server'), 'main.js'),
      bindings,
      durableObjects: { AUDIT_ANCHOR: { className: 'AuditAnchor', useSQLite: true } },
      // Two libraries' names for what fetch returns.
      ...(outboundService && { outboundService: outboundService as unknown as OutboundService }),
    })
  }
  const logLines: string[] = []
  const mf = new Miniflare({
    workers,
    handleStructuredLogs: ({ message }: { message: string }) => {
      logLines.push(message)
    },
  })
  const harness = await mf.unsafeGetDirectURL('harness')

  async function callHarness<T>(harnessRequest: object): Promise<T> {
    const response = await fetch(harness, { method: 'POST', body: JSON.stringify(harnessRequest) })
    const answer = (await response.json()) as { value: T } | { name: string; message: string }
    if ('value' in answer) return answer.value
    throw answer.name === 'Unavailable'
      ? new StorageUnavailableError(answer.message)
      : new Error(answer.message)
  }

  if (schema.length > 0) {
    const db = await mf.getD1Database('DB', 'harness')
    await db.batch(schema.map((statement) => db.prepare(statement)))
  }
  return {
    mf,
    logLines,
    engine: {
      sql: 'sqlite',
      read: (step) => callHarness({ do: 'read', step }),
      scan: (step) => callHarness({ do: 'read', step }),
      atomic: (steps) => callHarness({ do: 'atomic', steps }),
      async close() {},
    },
    argon2: {
      hash: (secret) => callHarness({ do: 'hash', secret }),
      verify: (phc, secret) => callHarness({ do: 'verify', phc, secret }),
    },
    checkSecret: (secret, imported, pepper) =>
      callHarness({ do: 'check', secret, imported, pepper }),
    totp: (secret, code, now) => callHarness({ do: 'totp', secret, code, now }),
    async dispose() {
      await mf.dispose()
      rmSync(dir, { recursive: true, force: true })
    },
  }
}

/** A Worker as Node may call it: its own types are workerd's, which are not loaded here. */
export interface TestFetcher {
  fetch(url: string, init?: RequestInit): Promise<Response>
  scheduled(event?: { cron?: string }): Promise<{ outcome: string }>
}

/** Each body is read to its end: with one left unread, Miniflare's `dispose` waits for ever. */
export function toTestFetcher(miniflareWorker: unknown): TestFetcher {
  const worker = miniflareWorker as TestFetcher
  return {
    async fetch(url, init) {
      const response = await worker.fetch(url, init)
      const body = await response.arrayBuffer()
      const { status, statusText } = response
      const headers = [...response.headers]
      return new Response(body.byteLength === 0 ? null : body, { status, statusText, headers })
    },
    scheduled: (event) => worker.scheduled(event),
  }
}

type OutboundService = NonNullable<WorkerOptions['outboundService']>

async function buildHarness(outdir: string): Promise<void> {
  await build({
    entryPoints: [join(import.meta.dirname, 'harness.ts')],
    bundle: true,
    format: 'esm',
    platform: 'browser',
    loader: { '.wasm': 'copy' },
    outdir,
  })
}
