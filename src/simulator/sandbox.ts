import { mkdtempSync, rmSync } from 'node:fs'
import type { IncomingMessage } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Hono } from 'hono'
import { type Config, readConfig } from '../config.ts'
import { startHospital } from '../demo/hospital.ts'
import { startUpstreams, type UpstreamServers } from '../demo/local-servers.ts'
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
  const dataDir = createDataFolder()
  const hospital = await startHospital()
  const upstreams = await startUpstreams()
  let server: RunningServer | undefined
  async function stop(): Promise<void> {
    await server?.stop()
    hospital.close()
    upstreams.close()
    rmSync(dataDir, { recursive: true, force: true })
  }
  try {
    const clock = new SimulatedClock(options)
    let answer: Hono['fetch'] = () => new Response('The sandbox is not ready.', { status: 503 })
    const config = createSandboxConfig(options, dataDir, upstreams)
    server = await startLatchkey(config, createLog(config.logLevel, 2), {
      clock: clock.now,
      wrapApp: () => (request, env) => answer(request, env),
    })
    const { accountId, ...data } = await seedSandbox(server, dataDir, hospital)
    const keyChanges = new KeyChanges(server, accountId, listSecrets(data))
    const parts = createFaultyParts(options, { clock, server, keyChanges })
    answer = parts.answer
    return {
      url: server.url,
      data,
      get findings() {
        return parts.judge.findings
      },
      get requests() {
        return parts.faultyApp.requests
      },
      stop,
    }
  } catch (error) {
    // The listener would keep the process alive.
    await stop()
    throw error
  }
}

function createDataFolder(): string {
  try {
    return mkdtempSync(join(tmpdir(), 'latchkey-simulate-'))
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    throw new Error(
      `the sandbox cannot create a folder in ${tmpdir()} (${code}): set TMPDIR to a writable folder`,
      { cause: error },
    )
  }
}

const createSandboxConfig = (
  { host, port }: SandboxOptions,
  dataDir: string,
  upstreams: UpstreamServers,
): Config =>
  readConfig({
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

/** Connects the faults, the judge and the controls to a running server. */
function createFaultyParts(
  { rules, seed, speed, latencyMs }: SandboxOptions,
  {
    server,
    ...parts
  }: Pick<FaultyAppDeps, 'clock' | 'keyChanges'> & { readonly server: RunningServer },
) {
  const deps: FaultyAppDeps = {
    ...parts,
    latencyMs,
    schedule: new FaultSchedule(rules, seed),
    judge: new ClientJudge({ graceMs: GRACE_MS * Math.max(1, speed) }),
  }
  const faultyApp = new FaultyApp(deps)
  const controlApp = createControlApp(deps, faultyApp)
  const answer: Hono['fetch'] = (request, env) =>
    new URL(request.url).pathname.startsWith(CONTROL_PATH)
      ? controlApp.fetch(request)
      : faultyApp.answer(request, (env as NodeBindings).incoming, server)
  return { answer, judge: deps.judge, faultyApp }
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
