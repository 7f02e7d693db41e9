import { readConfig } from '../src/config.ts'
import { silentLog } from '../src/node/log.ts'
import { openLatchkey } from '../src/node/open-latchkey.ts'
import { composeNodeApps } from '../src/node/server.ts'
import { issueApiToken } from '../test/support/admin-client.ts'
import { unwrap } from '../test/support/server.ts'
import { seedUser } from '../test/support/users.ts'
import type { BenchServer } from './process.ts'

/** Creates an API token of an operator. */
export async function seedApiToken(dataDir: string): Promise<string> {
  const config = readConfig({ LATCHKEY_DATA: dataDir })
  const latchkey = await openLatchkey(config, { publicUrl: 'http://localhost', log: silentLog })
  try {
    const services = {
      ...latchkey,
      ...composeNodeApps(latchkey),
      clock: Object.assign(Date.now, { advance() {}, set() {} }),
    }
    const { secret } = await issueApiToken(services, await seedUser(services, { role: 'operator' }))
    return secret
  } finally {
    await latchkey.storage.close()
  }
}

/** Creates an account with a source, and an owner for imported keys. */
export async function seedImportOwner(dataDir: string) {
  const config = readConfig({ LATCHKEY_DATA: dataDir })
  const latchkey = await openLatchkey(config, { publicUrl: 'http://localhost', log: silentLog })
  try {
    const { id: accountId } = unwrap(await latchkey.accounts.create({ name: 'Acme Health' }))
    const email = 'eng@acme.example'
    unwrap(await latchkey.users.add({ accountId, email, role: 'engineer' }))
    const { id: sourceId } = unwrap(await latchkey.sources.add({ accountId, name: 'Feed' }))
    return { accountId, email, sourceId }
  } finally {
    await latchkey.storage.close()
  }
}

/** Sends a request and reads its whole response, as a client does that writes it to a file. */
export async function callApi(
  { consolePort }: Pick<BenchServer, 'consolePort'>,
  apiToken: string,
  path: string,
  method = 'GET',
  body?: object,
): Promise<void> {
  const answer = await fetch(`http://127.0.0.1:${consolePort}/admin/v1${path}`, {
    method,
    headers: {
      Authorization: `Bearer ${apiToken}`,
      ...(body && { 'Content-Type': 'application/json' }),
    },
    ...(body && { body: JSON.stringify(body) }),
  })
  if (answer.status !== 200) throw new Error(`${path}: ${answer.status} ${await answer.text()}`)
  for await (const _chunk of answer.body ?? []) {
    // Only reads.
  }
}
