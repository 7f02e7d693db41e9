import { execFile, spawnSync } from 'node:child_process'
import {
  copyFileSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs'
import { dirname, join } from 'node:path'
import { promisify } from 'node:util'
import { describe, expect, test } from 'vitest'
import { findSlot, type Ring, rotateRing } from '../../src/crypto/ring.ts'
import { DAY_MS } from '../../src/domain/instant.ts'
import {
  loadRing,
  rotateDueKeys,
  updateRing,
  watchKeyringFile,
} from '../../src/node/keyring-file.ts'
import { nodePrimitives } from '../../src/node/primitives.ts'
import { openSqlite } from '../../src/node/sqlite/engine.ts'
import { createStorage } from '../../src/storage/storage.ts'
import { runWarmCli } from '../support/cli/warm-cli.ts'
import { canLimitFileSize } from '../support/disk-faults.ts'
import { createTestRing, toKeyring } from '../support/keyring.ts'
import { runCli, type ServerProcess, startServerProcess } from '../support/process.ts'
import { createTempFolder, createTestLog } from '../support/server.ts'

const readStartError = (path: string) => ({
  code: 1,
  stdout: '',
  stderr:
    `the key ring ${path} does not belong to this database: ` +
    'restore the ring that was backed up with it, or set LATCHKEY_KEYRING\n',
})
const LATCHKEY_PORT = '0'

/** A ring of another installation. */
async function createOtherRing(): Promise<string> {
  const dir = createTempFolder()
  await runWarmCli(['accounts', 'create', '--name', 'Acme Health'], { dir })
  return join(dir, 'keyring.json')
}

test('a second server with another key ring does not start, and the first continues', async () => {
  const dir = createTempFolder()
  const LATCHKEY_KEYRING = await createOtherRing()
  const first = await startServerProcess(dir)
  const second = await runCli(['serve'], { dir, env: { LATCHKEY_KEYRING, LATCHKEY_PORT } })
  expect(second).toEqual(readStartError(LATCHKEY_KEYRING))
  expect((await fetch(`${first.url}/ready`)).status).toBe(200)
  await first.stop()
})

test('of two that start a database at once with different rings, one is refused', async () => {
  const dir = createTempFolder()
  await runWarmCli(['accounts', 'create', '--name', 'Acme Health'], { dir })
  const LATCHKEY_KEYRING = await createOtherRing()
  const started = await Promise.allSettled([
    startServerProcess(dir),
    startServerProcess(dir, { LATCHKEY_KEYRING }),
  ])
  const servers = started.flatMap((one) => (one.status === 'fulfilled' ? [one.value] : []))
  expect(servers).toHaveLength(1)
  for (const server of servers) await server.stop()
})

test('a ring that was rotated, whatever of it, is still the one of its database', async () => {
  const dir = createTempFolder()
  await (await startServerProcess(dir)).stop()
  for (const use of ['sign', 'access', 'refresh', 'seal', 'seal', 'seal']) {
    expect((await runWarmCli(['keyring', 'rotate', use, '--now'], { dir })).code).toBe(0)
  }
  await (await startServerProcess(dir)).stop()
})

test('the ring of before, restored beside a newer database, is its own; a strange one is not', async () => {
  const dir = createTempFolder()
  const ring = join(dir, 'keyring.json')
  await (await startServerProcess(dir)).stop()
  copyFileSync(ring, `${ring}.backup`)
  rmSync(ring)
  copyFileSync(await createOtherRing(), ring)
  expect(await runCli(['serve'], { dir, env: { LATCHKEY_PORT } })).toEqual(readStartError(ring))
  copyFileSync(`${ring}.backup`, ring)
  await (await startServerProcess(dir)).stop()
  const storage = createStorage(openSqlite(join(dir, 'latchkey.db')))
  const bound = await storage.listEvents({ subject: 'keyring', limit: 10 })
  expect(bound.map(({ action }) => action)).toEqual(['keyring.bound'])
  await storage.close()
})

describe('the key ring file of a running server', () => {
  const readRefusalSentence = (ring: string) => readStartError(ring).stderr.trimEnd()
  const listPublishedKeyIds = async ({ url }: ServerProcess) => {
    const set = (await (await fetch(`${url}/.well-known/jwks.json`)).json()) as { keys: Jwk[] }
    return set.keys.map(({ kid }) => kid)
  }

  test('is refused where it became another’s: the ring of before stays, until its own is back', async () => {
    const dir = createTempFolder()
    const ring = join(dir, 'keyring.json')
    const server = await startServerProcess(dir)
    const before = await listPublishedKeyIds(server)
    copyFileSync(ring, `${ring}.backup`)
    renameSync(await createOtherRing(), ring)
    await server.waitForOutput(readRefusalSentence(ring))
    expect(server.output()).toContain(
      'the changed key ring is invalid. Latchkey keeps using the previous one.',
    )
    expect(await listPublishedKeyIds(server)).toEqual(before)
    expect((await fetch(`${server.url}/ready`)).status).toBe(200)

    renameSync(`${ring}.backup`, ring)
    expect((await runWarmCli(['keyring', 'rotate', 'EdDSA', '--now'], { dir })).code).toBe(0)
    await server.waitForOutput('the changed key ring was loaded')
    expect(await listPublishedKeyIds(server)).toEqual([...before, expect.any(String)])
    await server.stop()
  })

  test('is checked every two seconds, and a problem with it is logged once', async () => {
    const dir = createTempFolder()
    const ring = join(dir, 'keyring.json')
    const server = await startServerProcess(dir)
    writeFileSync(ring, 'nothing that a ring would be')
    await server.waitForOutput('the key ring is not JSON')
    rmSync(ring)
    await server.waitForOutput(`there is no key ring ${ring}`)
    expect(server.output().match(/Latchkey keeps using the previous one/g)).toHaveLength(2)
    await server.stop()
  })

  test('is seen rotated though that happened before the first look', async () => {
    const dir = createTempFolder()
    const path = join(dir, 'keyring.json')
    const loaded = await loadRing(path, { canCreate: true })
    const keyring = toKeyring(loaded)
    const rotated = await rotateRing(nodePrimitives, loaded, 'sign', Date.now())
    await updateRing(path, Date.now(), async () => rotated)
    const log = createTestLog()
    const stop = watchKeyringFile({ path, loaded, keyring, isOwnRing: async () => true }, log)
    await expect.poll(() => keyring.currentId('EdDSA')).toBe(toKeyring(rotated).currentId('EdDSA'))
    stop()
    expect(log.lines.map(({ message }) => message)).toEqual(['the changed key ring was loaded'])
  })
})

describe('the schedule of a server', () => {
  const readStates = async (path: string) =>
    (await loadRing(path)).keys
      .filter(({ use }) => use === 'sign')
      .map((key) => `${findSlot(key)} ${key.state}`)

  test('adds RS256, then rotates what has signed for long enough, and leaves the rest of the file', async () => {
    const path = join(createTempFolder(), 'keyring.json')
    const now = Date.now()
    const before = await loadRing(path, { canCreate: true })
    const log = createTestLog()
    const rotate = (at: number) => rotateDueKeys(path, 30 * DAY_MS, at, log)
    await rotate(now)
    const stored = readFileSync(path, 'utf8')
    expect(await readStates(path)).toEqual(expect.arrayContaining(['RS256 current', 'RS256 next']))
    await rotate(now + 29 * DAY_MS)
    expect(readFileSync(path, 'utf8')).toBe(stored)
    await rotate(now + 31 * DAY_MS)
    for (const slot of ['ES256', 'RS256', 'EdDSA']) {
      const states = (await readStates(path)).filter((state) => state.startsWith(slot))
      expect(states).toEqual([`${slot} retired`, `${slot} current`, `${slot} next`])
    }
    const others = (ring: Ring) => ring.keys.filter(({ use }) => use !== 'sign')
    expect(others(await loadRing(path))).toEqual(others(before))
    expect(statSync(path).mode & 0o777).toBe(0o600)
    expect(log.lines).toHaveLength(2)
  })

  test('publishes for 24 hours what an older ring lacked, before it rotates it', async () => {
    const path = join(createTempFolder(), 'keyring.json')
    const now = Date.now()
    const { keys } = await createTestRing(now - 400 * DAY_MS)
    const old = { version: 1, keys: keys.filter((key) => findSlot(key) !== 'ES256') }
    writeFileSync(path, JSON.stringify(old), { mode: 0o600 })
    const derived = (await loadRing(path)).keys.find((key) => findSlot(key) === 'ES256')?.id
    await rotateDueKeys(path, 1, now, createTestLog())
    const ring = await loadRing(path)
    const es256 = ring.keys.filter((key) => findSlot(key) === 'ES256')
    expect(es256.map(({ state, createdAt }) => [state, createdAt])).toEqual([
      ['current', now],
      ['next', now],
    ])
    expect(es256[0]?.id).toBe(derived)
    expect(ring.keys.filter((key) => findSlot(key) === 'EdDSA')).toHaveLength(3)
  })

  test('counts from the first attempt how long an older ring’s added keys are published', async () => {
    const path = join(createTempFolder(), 'keyring.json')
    const now = Date.now()
    const { keys } = await createTestRing(now - 400 * DAY_MS)
    const old = { version: 1, keys: keys.filter((key) => findSlot(key) !== 'ES256') }
    writeFileSync(path, JSON.stringify(old), { mode: 0o600 })
    const refuse = async (): Promise<Ring> => {
      throw new Error('too early')
    }
    await expect(updateRing(path, now, refuse)).rejects.toThrow('too early')
    await expect(updateRing(path, now + 1000, refuse)).rejects.toThrow('too early')
    const added = (await loadRing(path)).keys.filter((key) => findSlot(key) === 'ES256')
    expect(added.map(({ createdAt }) => createdAt)).toEqual([now, now])
  })

  test.runIf(canLimitFileSize)(
    'stays whole where the disk has space for a part of it',
    async () => {
      const path = join(createTempFolder(), 'keyring.json')
      await loadRing(path, { canCreate: true })
      const before = readFileSync(path, 'utf8')
      const rotate = [
        `const { updateRing } = await import('${import.meta.dirname}/../../src/node/keyring-file.ts')`,
        `await updateRing('${path}', 1, async (ring) => ({ ...ring }))`,
      ].join('\n')
      const limit = `--fsize=${Math.floor(before.length / 2)}`
      const node = [process.execPath, '--input-type=module', '--eval', rotate]
      const { status, stderr } = spawnSync('prlimit', [limit, ...node], { encoding: 'utf8' })
      expect(stderr).toContain('EFBIG')
      expect(status).toBe(1)
      expect(readFileSync(path, 'utf8')).toBe(before)
      expect(readdirSync(dirname(path)).filter((name) => name.endsWith('draft'))).toEqual([])
    },
  )

  test('has every change that processes make at once, or refuses it', async () => {
    const path = join(createTempFolder(), 'keyring.json')
    await loadRing(path, { canCreate: true })
    const folder = `${import.meta.dirname}/../../src`
    const rotate = `
      const { updateRing } = await import('${folder}/node/keyring-file.ts')
      const { rotateRing } = await import('${folder}/crypto/ring.ts')
      const { nodePrimitives } = await import('${folder}/node/primitives.ts')
      const rotateAccess = (ring) => rotateRing(nodePrimitives, ring, 'access', 1)
      let made = 0
      const endsAt = Date.now() + 2000
      while (Date.now() < endsAt) {
        await updateRing('${path}', 1, rotateAccess).then(() => made++, (error) => {
          if (!error.message.includes('try again')) throw error
        })
      }
      console.log(made)`
    const runs = [1, 2, 3].map(() =>
      promisify(execFile)(process.execPath, ['--input-type=module', '--eval', rotate]),
    )
    const made = (await Promise.all(runs)).map(({ stdout }) => Number(stdout))
    const accessKeys = (await loadRing(path)).keys.filter(({ use }) => use === 'access')
    expect(accessKeys).toHaveLength(2 + made.reduce((sum, each) => sum + each, 0))
  })

  test('does not overwrite what another process has changed', async () => {
    const path = join(createTempFolder(), 'keyring.json')
    await loadRing(path, { canCreate: true })
    const other = (await createTestRing()).keys
    const change = async (ring: Ring) => {
      await updateRing(path, 1, async () => ({ ...ring, keys: other }))
      return rotateRing(nodePrimitives, ring, 'sign', 1)
    }
    await expect(updateRing(path, 1, change)).rejects.toThrow('another process changed')
    expect((await loadRing(path)).keys).toEqual(other)
    expect(readdirSync(dirname(path))).toEqual(['keyring.json', 'keyring.json.lock'])
  })
})

interface Jwk {
  readonly kid: string
}
