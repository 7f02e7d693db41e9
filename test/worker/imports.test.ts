import { composeApps } from '../../src/compose-apps.ts'
import { readConsoleAssets } from '../../src/node/package-file.ts'
import { createUpstreamFetch } from '../../src/node/upstream-fetch.ts'
import { testImportsOverHttp } from '../http/admin/import-suite.ts'
import { createTestRing } from '../support/keyring.ts'
import { createSystemClock } from '../support/time.ts'
import { composeBesideWorker } from '../support/worker/node-beside.ts'
import { startWorkerd, toTestFetcher } from '../support/worker/workerd.ts'

/* Files of keys on Cloudflare Workers: the bundle in workerd, with D1. */

const CONSOLE_URL = 'https://console.example'
const PUBLIC_URL = 'https://latchkey.example'

testImportsOverHttp(async () => {
  const ring = await createTestRing()
  const { mf, engine, dispose } = await startWorkerd({
    bindings: {
      LATCHKEY_URL: PUBLIC_URL,
      LATCHKEY_CONSOLE_URL: CONSOLE_URL,
      LATCHKEY_KEYRING_JSON: JSON.stringify(ring),
    },
  })
  const worker = toTestFetcher(await mf.getWorker('server'))
  const call = (path: string, init: RequestInit = {}) =>
    worker.fetch(`${CONSOLE_URL}${path}`, { ...init, duplex: 'half' } as RequestInit)
  const node = composeBesideWorker({ publicUrl: PUBLIC_URL, engine, ring })
  const apps = composeApps(node, {
    consoleAssets: readConsoleAssets(),
    upstreamFetch: createUpstreamFetch({ timeoutMs: 1000 }),
    getPeerAddress: () => '203.0.113.7',
  })
  return { ...node, ...apps, call, clock: createSystemClock(), close: dispose }
}, 'the check costs too much (PBKDF2 rounds: 260000): this server computes at most 100000')
