import { mkdtempSync, rmSync } from 'node:fs'
import type { IncomingMessage } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Hono } from 'hono'
import { readConfig } from '../config.ts'
import { startHospital } from '../demo/hospital.ts'
import { startUpstreams } from '../demo/local-servers.ts'
import { getUpstreamSettingName, SURFACES } from '../domain/key-type.ts'
import { createLog } from '../node/log.ts'
import { type RunningServer, startLatchkey } from '../node/server.ts'
import { CONTROL_PATH, createControlApp } from './control.ts'
import { FaultyApp, type FaultyAppDeps } from './faulty-app.ts'
import type { FindingLog } from './findings.ts'
import { ClientJudge } from './judge.ts'
import { KeyChanges } from './key-changes.ts'
import { type FaultRule, FaultSchedule } from './schedule.ts'
import { type SandboxData, seedSandbox } from './seed-sandbox.ts'
import { SimulatedClock } from './simulated-clock.ts'

export interface SandboxOptions {
  readonly host: string
  readonly port: number
  readonly rules: readonly FaultRule[]
  readonly seed: number
  /** Simulated seconds in a second. */
  readonly speed: number
  /** The time by which the server's clock is ahead. */
  readonly skewMs: number
  readonly latencyMs: number
}

export interface Sandbox extends Pick<RunningServer, 'url'>, Pick<FindingLog, 'findings'> {
  readonly data: SandboxData
  readonly requests: number
  stop(): Promise<void>
}

/** By the clock of the client. */
const GRACE_MS = 1000

/** Starts the real server on a new database in a temporary folder, behind faults. */
export async function startSandbox(options: SandboxOptions): Promise<Sandbox> {
  const { host, port, rules, seed, latencyMs } = options
  const dataDir = mkdtempSync(join(tmpdir(), 'latchkey-simulate-'))
  const hospital = await startHospital()
  const upstreams = await startUpstreams()
  function release(): void {
    hospital.close()
    upstreams.close()
    rmSync(dataDir, { recursive: true, force: true })
  }
  const config = readConfig({
    LATCHKEY_DATA: dataDir,
    LATCHKEY_HOST: host,
    LATCHKEY_PORT: String(port),
    LATCHKEY_CONSOLE: 'off',
    LATCHKEY_STOP_SECONDS: '1',
    LATCHKEY_DESTINATIONS_ALLOWED: '127.0.0.0/8',
    LATCHKEY_LOG_LEVEL: 'error',
    ...Object.fromEntries(
      SURFACES.map((surface) => [getUpstreamSettingName(surface), upstreams.urls[surface]]),
    ),
  })
  const clock = new SimulatedClock(options)
  let answer: Hono['fetch'] = () => new Response('The sandbox is not ready.', { status: 503 })
  const server = await startLatchkey(config, createLog(config.logLevel, 2), {
    clock: clock.now,
    wrapApp: () => (request, env) => answer(request, env),
  }).catch((error: unknown) => {
    // Their listeners would keep the process alive.
    release()
    throw error
  })
  const { accountId, ...data } = await seedSandbox(server, dataDir, hospital)
  const deps: FaultyAppDeps = {
    clock,
    latencyMs,
    schedule: new FaultSchedule(rules, seed),
    judge: new ClientJudge({ graceMs: GRACE_MS * Math.max(1, options.speed) }),
    keyChanges: new KeyChanges(server, accountId, listSecrets(data)),
  }
  const faultyApp = new FaultyApp(deps)
  const controlApp = createControlApp(deps, faultyApp)
  answer = (request, env) =>
    new URL(request.url).pathname.startsWith(CONTROL_PATH)
      ? controlApp.fetch(request)
      : faultyApp.answer(request, (env as NodeBindings).incoming, server)

  return {
    url: server.url,
    data,
    get findings() {
      return deps.judge.findings
    },
    get requests() {
      return faultyApp.requests
    },
    async stop() {
      await server.stop()
      release()
    },
  }
}

interface NodeBindings {
  readonly incoming: IncomingMessage
}

/** Lists what must not be in a URL, by the public id of the key or else the name of its type. */
function listSecrets({ redox, oauth, xenrad, opendental, xdent, practice }: SandboxData) {
  return new Map([
    [redox.apiKey, redox.secret],
    [oauth.clientId, oauth.clientSecret],
    ['xenrad', xenrad.apiKey],
    ['opendental', opendental.customerKey],
    ['xdent', xdent.apiKey],
    ['practice', practice.apiKey],
  ])
}
