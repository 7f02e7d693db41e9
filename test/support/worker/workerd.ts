import { rmSync } from 'node:fs'
import { join } from 'node:path'
import { build } from 'esbuild'
import { Miniflare, type WorkerOptions } from 'miniflare'
import type { Argon2 } from '../../../src/crypto/primitives.ts'
import { Unavailable } from '../../../src/service/ports.ts'
import type { Engine } from '../../../src/storage/engine.ts'
import {
  buildServer,
  COMPATIBILITY_DATE,
  modulesOf,
  schemaStatements,
} from '../../../support/worker/bundle.ts'
import { temporaryFolder } from '../server.ts'

/** workerd with a D1 database, and around it what a test needs. */
export interface Workerd {
  readonly mf: Miniflare
  /** The D1 engine of src/worker/d1.ts, at work in workerd. */
  readonly engine: Engine
  /** argon2 of src/worker/argon2.ts, at work in workerd. */
  readonly argon2: Argon2
  /** A code judged in workerd, and what it would show to set up an app. */
  totp(secret: string, code: string, now: number): Promise<unknown>
  /** What the Workers have logged. */
  readonly lines: readonly string[]
  dispose(): Promise<void>
}

export interface ServerBindings {
  readonly bindings: Readonly<Record<string, string>>
  /** Who answers what the server fetches. */
  readonly outside?: (request: Request) => Promise<Response>
}

/** Starts it, with the server's bundle where it is given bindings. */
export async function startWorkerd(
  server?: ServerBindings,
  { schema = schemaStatements() } = {},
): Promise<Workerd> {
  const dir = temporaryFolder()
  const common = {
    compatibilityDate: COMPATIBILITY_DATE,
    d1Databases: { DB: 'latchkey' },
  }
  await buildHarness(join(dir, 'harness'))
  const workers: WorkerOptions[] = [
    {
      ...common,
      name: 'harness',
      ...modulesOf(join(dir, 'harness'), 'harness.js'),
      // Asked at a socket of its own: Miniflare's way to it is a third Worker, and twice the work.
      unsafeDirectSockets: [{ host: '127.0.0.1', port: 0 }],
    },
  ]
  if (server !== undefined) {
    await buildServer(join(dir, 'server'))
    const { bindings, outside } = server
    workers.unshift({
      ...common,
      name: 'server',
      ...modulesOf(join(dir, 'server'), 'main.js'),
      bindings,
      durableObjects: { AUDIT_ANCHOR: { className: 'AuditAnchor', useSQLite: true } },
      // Two libraries' names for what fetch returns.
      ...(outside && { outboundService: outside as unknown as Outside }),
    })
  }
  const lines: string[] = []
  const mf = new Miniflare({
    workers,
    handleStructuredLogs: ({ message }: { message: string }) => {
      lines.push(message)
    },
  })
  const harness = await mf.unsafeGetDirectURL('harness')

  async function ask<T>(question: object): Promise<T> {
    const response = await fetch(harness, { method: 'POST', body: JSON.stringify(question) })
    const answer = (await response.json()) as { value: T } | { name: string; message: string }
    if ('value' in answer) return answer.value
    throw answer.name === 'Unavailable'
      ? new Unavailable(answer.message)
      : new Error(answer.message)
  }

  if (schema.length > 0) {
    const db = await mf.getD1Database('DB', 'harness')
    await db.batch(schema.map((statement) => db.prepare(statement)))
  }
  return {
    mf,
    lines,
    engine: {
      sql: 'sqlite',
      read: (step) => ask({ do: 'read', step }),
      atomic: (steps) => ask({ do: 'atomic', steps }),
      async close() {},
    },
    argon2: {
      hash: (secret) => ask({ do: 'hash', secret }),
      verify: (phc, secret) => ask({ do: 'verify', phc, secret }),
    },
    totp: (secret, code, now) => ask({ do: 'totp', secret, code, now }),
    async dispose() {
      await mf.dispose()
      rmSync(dir, { recursive: true, force: true })
    },
  }
}

/** A Worker as Node may call it: its own types are workerd's, which are not loaded here. */
export const fetcherOf = (worker: unknown) =>
  worker as {
    fetch(url: string, init?: RequestInit): Promise<Response>
    scheduled(event?: { cron?: string }): Promise<{ outcome: string }>
  }

type Outside = NonNullable<WorkerOptions['outboundService']>

async function buildHarness(outdir: string): Promise<void> {
  await build({
    entryPoints: [join(import.meta.dirname, 'harness.ts')],
    bundle: true,
    format: 'esm',
    platform: 'neutral',
    loader: { '.wasm': 'copy' },
    outdir,
  })
}
