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
  const after = await runJsonList(dir, ['keyring', 'rotate', 'sign'])
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
