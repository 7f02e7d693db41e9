import { existsSync, readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { parseRing } from '../../../src/crypto/ring.ts'
import { runJson, runJsonList } from '../../support/cli/commands.ts'
import { runCli } from '../../support/process.ts'
import { createTempFolder } from '../../support/server.ts'

test('a new key ring is printed, whole and alone on stdout, and touches nothing', async () => {
  const dir = join(createTempFolder(), 'not-there')
  const { code, stdout, stderr } = await runCli(['keyring', 'new'], { dir })
  expect(code).toBe(0)
  expect(stdout.trimEnd().split('\n')).toHaveLength(1)
  expect(parseRing(stdout).keys.map(({ use, state }) => `${use} ${state}`)).toEqual([
    'sign current',
    'sign next',
    'sign current',
    'sign next',
    'access current',
    'access next',
    'refresh current',
    'refresh next',
    'seal current',
    'seal next',
    'digest current',
    'digest next',
    'audit current',
    'audit next',
    'sign current',
    'sign next',
  ])
  expect(stderr).toContain('a secret')
  expect(existsSync(dir)).toBe(false)
  expect((await runCli(['keyring', 'new'], { dir })).stdout).not.toBe(stdout)
})

test('the key ring is shown without what its keys are made of, and stays its owner’s alone', async () => {
  const dir = createTempFolder()
  const path = join(dir, 'keyring.json')
  const missing = await runCli(['keyring', 'list'], { dir })
  expect({ code: missing.code, stderr: missing.stderr }).toEqual({
    code: 1,
    stderr: `there is no key ring ${path}: \`latchkey serve\` creates it\n`,
  })
  await runJson(dir, ['accounts', 'create', '--name', 'Acme Health'])
  const before = await runJsonList(dir, ['keyring', 'list'])
  const after = await runJsonList(dir, ['keyring', 'rotate', '--now'])
  const next = before.filter(({ use, state }) => use === 'sign' && state === 'next')
  const current = after.filter(({ state }) => state === 'current')
  expect(after).toHaveLength(6)
  expect(current.map(({ id }) => id)).toEqual(next.map(({ id }) => id))
  expect(statSync(path).mode & 0o777).toBe(0o600)
  expect(await runJson(dir, ['keyring', 'path'])).toEqual({ path })

  const { keys } = JSON.parse(readFileSync(path, 'utf8')) as {
    keys: { jwk: { d?: string; k?: string } }[]
  }
  const { stdout } = await runCli(['keyring', 'list'], { dir })
  const shown = stdout + JSON.stringify(await runJson(dir, ['keyring', 'list']))
  for (const { jwk } of keys) expect(shown).not.toContain(jwk.d ?? jwk.k)
})

test('a key signs only after it was published for 24 hours, unless it must', async () => {
  const dir = createTempFolder()
  await runJson(dir, ['accounts', 'create', '--name', 'Acme Health'])
  const early = await runCli(['keyring', 'rotate'], { dir })
  expect(early.code).toBe(1)
  expect(early.stderr).toMatch(
    /^the next ES256 key was created 0 h ago, and signs only after it was published for 24 h: run the command again after \S+, or with --now, which some verifiers may notice\n$/,
  )
  const list = () => runJsonList(dir, ['keyring', 'list'])
  expect((await list()).filter(({ state }) => state === 'retired')).toEqual([])
  expect((await runCli(['keyring', 'rotate', 'access'], { dir })).code).toBe(0)
  expect((await runCli(['keyring', 'rotate', 'RS256'], { dir })).code).toBe(0)
  const rsa = (await list()).filter(({ algorithm }) => algorithm === 'RS256')
  expect(rsa.map(({ state }) => state)).toEqual(['current', 'next'])
  expect((await runCli(['keyring', 'rotate', 'RS256', '--now'], { dir })).code).toBe(0)
})

test('a key that leaked is revoked by its id, unless data would be lost with it', async () => {
  const dir = createTempFolder()
  await runJson(dir, ['accounts', 'create', '--name', 'Acme Health'])
  const before = await runJsonList(dir, ['keyring', 'list'])
  const findId = (use: string) =>
    String(before.find((key) => key.use === use && key.state === 'current')?.id)
  const after = await runJsonList(dir, ['keyring', 'revoke', findId('access'), '--yes'])
  expect(after.map(({ id }) => id)).not.toContain(findId('access'))
  expect(after).toHaveLength(before.length)
  const sealing = await runCli(['keyring', 'revoke', findId('seal'), '--yes'], { dir })
  expect([sealing.code, sealing.stderr]).toEqual([
    1,
    'this key does not make tokens: what it sealed or digested would be lost without it. Rotate its use instead\n',
  ])
  const unknown = await runCli(['keyring', 'revoke', 'nope', '--yes'], { dir })
  expect([unknown.code, unknown.stderr]).toEqual([1, 'the key ring has no key nope\n'])
})
