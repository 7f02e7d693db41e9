import { spawn } from 'node:child_process'
import { createHash } from 'node:crypto'
import { once } from 'node:events'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { ImportCells } from '../src/service/imports/import-row.ts'
import { PROGRAM } from '../test/runner/program.ts'
import { createEnvironment } from '../test/support/process.ts'
import { authenticateBenchVendor, formatCredentials } from './cases.ts'
import { mkdirIn } from './compare.ts'
import { computeDelay, type DelayQuantiles } from './delivery/arrival.ts'
import { createSchedule, sendOnTime } from './delivery/send.ts'
import { startEngineServer } from './engines.ts'
import { callApi, seedApiToken, seedImportOwner } from './management-api.ts'
import type { BenchEngineName, BenchSettings, ImportCase } from './options.ts'
import { type BenchServer, PINNED_LAUNCHER, readChildrenCpuSeconds } from './process.ts'
import { buildPostRequest, takeTurn } from './requests.ts'
import { type BenchVendor, seedVendors } from './seed.ts'
import { report, showProgress } from './text.ts'

/** An import, and the exchanges beside it. */
export interface ImportResult {
  readonly engine: BenchEngineName
  readonly importCase: ImportCase
  readonly rows: number
  readonly seconds: number
  /** CPU time of the server, which also answers the exchanges, and of the command. */
  readonly cpuSeconds: number
  readonly undisturbed: DelayQuantiles
  readonly beside: DelayQuantiles
}

/** The targets: the time of an import of hashes, and what it may do to the p99 of the exchanges beside it. */
export const MAX_HASH_IMPORT_SECONDS = 60
export const MAX_P99_RATIO = 1.5
const EXCHANGES_PER_SECOND = 200
const CONNECTIONS = 64
const UNDISTURBED_ROUNDS = 10
/** Exchanges are planned for this long, and stop with the import. */
const MAX_IMPORT_SECONDS = 3600

interface ImportTarget {
  readonly served: BenchServer
  readonly vendors: readonly BenchVendor[]
  readonly apiToken: string
  readonly owner: ImportOwner
  readonly folder: string
}

type ImportOwner = Awaited<ReturnType<typeof seedImportOwner>>
type RunImport = (target: ImportTarget, file: string) => Promise<void>

async function importByApi({ served, apiToken, owner }: ImportTarget, file: string): Promise<void> {
  const query = `accountId=${owner.accountId}&id=${crypto.randomUUID()}`
  const send = () =>
    fetch(`http://127.0.0.1:${served.consolePort}/admin/v1/imports?${query}`, {
      method: 'POST',
      headers: { Authorization: `Bearer ${apiToken}`, 'Content-Type': 'application/jsonl' },
      body: file,
    })
  // On a busy machine it may take longer than a request may: the same request goes on with it.
  let answer = await send()
  while (answer.status === 408) answer = await send()
  const text = await answer.text()
  const { invalid, finished } = JSON.parse(text) as { invalid?: number; finished?: boolean }
  if (invalid !== 0 || finished !== true) throw new Error(`the import failed: ${text}`)
}

/** The command has no other core than the server: the load's would be missing to the load. */
async function importByCommand(
  { served, owner, folder }: ImportTarget,
  file: string,
): Promise<void> {
  const path = join(folder, 'keys.jsonl')
  writeFileSync(path, file)
  const command = ['keys', 'import', path, '--account', owner.accountId]
  const [program = '', ...args] = [...PINNED_LAUNCHER, process.execPath, PROGRAM, ...command]
  const env = createEnvironment(served.settings)
  const [code] = await once(spawn(program, args, { env, stdio: 'ignore' }), 'exit')
  if (code !== 0) throw new Error(`the command ended with ${code}`)
}

const IMPORTS: Readonly<Record<ImportCase, { isHashed: boolean; run: RunImport }>> = {
  'hashes-by-api': { isHashed: true, run: importByApi },
  'hashes-by-command': { isHashed: true, run: importByCommand },
  'secrets-by-api': { isHashed: false, run: importByApi },
}

/** Measures imports on each engine, beside exchanges that do not load the server. */
export async function measureImports(
  folder: string,
  settings: BenchSettings,
): Promise<ImportResult[]> {
  const dataDir = join(folder, 'data')
  showProgress('seeding')
  const vendors = await seedVendors(dataDir, { keys: settings.vendors })
  const apiToken = await seedApiToken(dataDir)
  const owner = await seedImportOwner(dataDir)
  const results: ImportResult[] = []
  for (const engine of settings.engines) {
    for (const importCase of settings.importCases) {
      const caseFolder = mkdirIn(folder, `${engine}-${importCase}`)
      const served = await startEngineServer(engine, caseFolder, dataDir, settings)
      const target = { served, vendors, apiToken, owner, folder: caseFolder }
      try {
        results.push({ engine, importCase, ...(await measureImport(target, importCase, settings)) })
      } finally {
        await served.stop()
      }
    }
  }
  return results
}

async function measureImport(
  target: ImportTarget,
  importCase: ImportCase,
  { hashRows, secretRows, seconds }: BenchSettings,
) {
  const { served, vendors, owner } = target
  // Not measured here: the first exchange of each key runs argon2, and the first request to the API loads its code.
  for (const vendor of vendors)
    await authenticateBenchVendor({ port: served.port, vendors }, vendor)
  await callApi(served, target.apiToken, '/imports')
  const requests = vendors.map((vendor) =>
    buildPostRequest('/auth/authenticate', formatCredentials(vendor)),
  )
  const exchange = async (forSeconds: number, signal?: AbortSignal) => {
    const dues = createSchedule(EXCHANGES_PER_SECOND, forSeconds)
    const getRequest = (n: number) => takeTurn(requests, n)
    const options = { getRequest, connections: CONNECTIONS, ...(signal && { signal }) }
    return sendOnTime(served.port, dues, options)
  }
  await exchange(seconds)
  // A p99 of fewer exchanges differs from round to round by more than the target's factor.
  const alone = await exchange(UNDISTURBED_ROUNDS * seconds)

  const { isHashed, run } = IMPORTS[importCase]
  const rows = isHashed ? hashRows : secretRows
  const file = writeRows(rows, isHashed, owner)
  showProgress(`${importCase}: ${rows} rows`)
  const readCpu = () => served.cpuSeconds() + readChildrenCpuSeconds()
  const startedAt = performance.now()
  const cpuBefore = readCpu()
  const ending = new AbortController()
  const importing = run(target, file).finally(() => ending.abort())
  const [besideIt] = await Promise.all([exchange(MAX_IMPORT_SECONDS, ending.signal), importing])
  const endedAt = performance.now()
  const result = {
    rows,
    seconds: (endedAt - startedAt) / 1000,
    cpuSeconds: readCpu() - cpuBefore,
    undisturbed: computeDelay(alone.dueAt, alone.answeredAt),
    beside: computeDelay(besideIt.dueAt, besideIt.answeredAt),
  }
  report(
    `${importCase}: ${rows} rows in ${result.seconds.toFixed(1)} s, ${result.cpuSeconds.toFixed(1)} s of CPU; p99 ${result.undisturbed.p99Ms.toFixed(1)} ms alone, ${result.beside.p99Ms.toFixed(1)} ms beside it`,
  )
  return result
}

/** Writes XDENT keys with hashes of SHA-256, or OAuth clients with secrets, which cost argon2id each. */
function writeRows(rows: number, isHashed: boolean, { email, sourceId }: ImportOwner): string {
  let text = ''
  for (let n = 0; n < rows; n++) {
    const secret = `secret-of-an-old-vendor-${n}`
    const row: ImportCells = {
      type: isHashed ? 'xdent' : 'oauth',
      public_id: `old-${n}`,
      owner: email,
      name: `Nightly job ${n}`,
      created: '2024-01-31T12:00:00Z',
      start: 'secret',
      ...(isHashed
        ? { hash: createHash('sha256').update(secret).digest('hex'), form: 'sha256' }
        : {
            secret,
            oauth_client: JSON.stringify({ scopes: ['fhir:production'], sourceIds: [sourceId] }),
          }),
    }
    text += `${JSON.stringify(row)}\n`
  }
  return text
}
