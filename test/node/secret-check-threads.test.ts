import { execFile } from 'node:child_process'
import { rmSync, symlinkSync } from 'node:fs'
import { join } from 'node:path'
import { setImmediate as turn } from 'node:timers/promises'
import { promisify } from 'node:util'
import type { Worker } from 'node:worker_threads'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { bundlePrograms } from '../../build.ts'
import { parseSecretCheck } from '../../src/domain/imported-secret.ts'
import { NODE_CHECK_BOUNDS, type SecretCheck } from '../../src/domain/secret-forms/secret-check.ts'
import { SecretCheckThreads } from '../../src/node/secret-check-threads.ts'
import { createTempFolder, createTestLog } from '../support/server.ts'

const ROOT = join(import.meta.dirname, '../..')
const SECRET = 'correct horse battery staple 42'

function readCheck(hash: string): SecretCheck {
  const check = parseSecretCheck({ form: 'bcrypt', hash, salt: null }, NODE_CHECK_BOUNDS)
  if (!check.ok) throw new Error(check.failure)
  return check.value
}

const HASH = '$2b$10$abcdefghijklmnopqrstuuFRL4HsHTBtkdzvD8.3.3nTl.ZcTcgo2'
const bcrypt = readCheck(HASH)
/** It runs for a second. */
const slowBcrypt = readCheck(HASH.replace('10', '13'))
/** No parser makes it: Node throws for an N that is no power of two. */
const impossible: SecretCheck = {
  algorithm: 'scrypt',
  cost: 3,
  blockSize: 8,
  parallelism: 1,
  normalized: false,
  salt: new Uint8Array(16),
  sum: new Uint8Array(32),
}

let log: ReturnType<typeof createTestLog>
let threads: SecretCheckThreads
beforeEach(() => {
  log = createTestLog()
  threads = new SecretCheckThreads(log)
})
afterEach(() => threads.close())

test('checks at once are answered each by its own thread', async () => {
  const secrets = [SECRET, 'another', SECRET, 'a third']
  const answers = await Promise.all(secrets.map((secret) => threads.check(secret, bcrypt, null)))
  expect(answers).toEqual([true, false, true, false])
  expect(await threads.check(SECRET, bcrypt, null)).toBe(true)
  expect(log.lines).toEqual([])
})

test('a check that cannot be computed is an error, and does not affect others', async () => {
  const checks = [bcrypt, impossible, bcrypt]
  const answers = await Promise.allSettled(
    checks.map((check) => threads.check(SECRET, check, null)),
  )
  expect(answers).toEqual([
    { status: 'fulfilled', value: true },
    { status: 'rejected', reason: new Error('RangeError: Invalid scrypt params') },
    { status: 'fulfilled', value: true },
  ])
})

test('a thread that dies takes no other check with it, and is replaced', async () => {
  const started: Worker[] = []
  const onWorker = (thread: Worker) => started.push(thread)
  process.on('worker', onWorker)
  const slow = threads.check(SECRET, slowBcrypt, null)
  const other = threads.check(SECRET, bcrypt, null)
  // The event is emitted in the next turn.
  await turn()
  process.off('worker', onWorker)
  await started[0]?.terminate()
  expect(await slow).toBe(null)
  expect(await other).toBe(true)
  expect(await threads.check(SECRET, bcrypt, null)).toBe(true)
})

test('closing ends a check that runs, and a later check starts a thread again', async () => {
  const running = threads.check(SECRET, slowBcrypt, null)
  await threads.close()
  expect(await running).toBe(null)
  expect(await threads.check(SECRET, bcrypt, null)).toBe(true)
  expect(log.lines).toEqual([])
})

test('the package has the thread, which keeps no process alive', async () => {
  const folder = createTempFolder()
  try {
    await bundlePrograms(join(folder, 'dist'), { check: 'test/support/secret-check-process.ts' })
    symlinkSync(join(ROOT, 'node_modules'), join(folder, 'node_modules'))
    const args = [join(folder, 'dist/check.mjs'), SECRET, HASH]
    const { stdout } = await promisify(execFile)(process.execPath, args)
    expect(stdout).toBe('true\n')
  } finally {
    rmSync(folder, { recursive: true })
  }
})
