import { copyFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { openSqlite } from '../../src/node/sqlite.ts'
import { createStorage } from '../../src/storage/storage.ts'
import { runCli, startServer } from '../support/process.ts'
import { temporaryFolder } from '../support/server.ts'

const refusal = (path: string) => ({
  code: 1,
  stdout: '',
  stderr:
    `the key ring ${path} is not the one of this database: ` +
    'restore the ring that was backed up with it, or set LATCHKEY_KEYRING\n',
})
const LATCHKEY_PORT = '0'

/** A ring of another installation. */
async function strangeRing(): Promise<string> {
  const dir = temporaryFolder()
  await runCli(['accounts', 'list'], { dir })
  return join(dir, 'keyring.json')
}

test('a second server with another key ring is refused at start, and the first goes on', async () => {
  const dir = temporaryFolder()
  const LATCHKEY_KEYRING = await strangeRing()
  const first = await startServer(dir)
  const second = await runCli(['serve'], { dir, env: { LATCHKEY_KEYRING, LATCHKEY_PORT } })
  expect(second).toEqual(refusal(LATCHKEY_KEYRING))
  expect((await fetch(`${first.url}/ready`)).status).toBe(200)
  await first.stop()
})

test('of two that start a database at once with different rings, one is refused', async () => {
  const dir = temporaryFolder()
  await runCli(['accounts', 'list'], { dir })
  const LATCHKEY_KEYRING = await strangeRing()
  const started = await Promise.allSettled([
    startServer(dir),
    startServer(dir, { LATCHKEY_KEYRING }),
  ])
  const servers = started.flatMap((one) => (one.status === 'fulfilled' ? [one.value] : []))
  expect(servers).toHaveLength(1)
  for (const server of servers) await server.stop()
})

test('a ring that was rotated, whatever of it, is still the one of its database', async () => {
  const dir = temporaryFolder()
  await (await startServer(dir)).stop()
  for (const use of ['sign', 'refresh', 'seal', 'seal', 'seal']) {
    expect((await runCli(['keyring', 'rotate', use], { dir })).code).toBe(0)
  }
  await (await startServer(dir)).stop()
})

test('the ring of before, restored beside a newer database, is its own; a strange one is not', async () => {
  const dir = temporaryFolder()
  const ring = join(dir, 'keyring.json')
  await (await startServer(dir)).stop()
  copyFileSync(ring, `${ring}.backup`)
  rmSync(ring)
  copyFileSync(await strangeRing(), ring)
  expect(await runCli(['serve'], { dir, env: { LATCHKEY_PORT } })).toEqual(refusal(ring))
  copyFileSync(`${ring}.backup`, ring)
  await (await startServer(dir)).stop()
  const storage = createStorage(openSqlite(join(dir, 'latchkey.db')))
  const bound = await storage.listEvents({ subject: 'keyring', limit: 10 })
  expect(bound.map(({ action }) => action)).toEqual(['keyring.bound'])
  await storage.close()
})
