import { execFile } from 'node:child_process'
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { expect, test } from 'vitest'
import { parseDuration, parseInstant } from '../../../src/node/cli/date-options.ts'
import { formatTable } from '../../../src/node/cli/print.ts'
import { SETTINGS } from '../../../src/settings.ts'
import { runWarmCli } from '../../support/cli/warm-cli.ts'
import { runCli } from '../../support/process.ts'
import { createTempFolder } from '../../support/server.ts'

const dir = join(createTempFolder(), 'not-there-yet')
const CLI = fileURLToPath(new URL('../../../src/node/cli.ts', import.meta.url))

test.each([
  [['kays'], "unknown command 'kays' (Did you mean keys?)"],
  [['keys', 'create', '--name', 'x'], "required option '--owner <id>' not specified"],
  [['accounts', 'close'], "missing required argument 'id'"],
  [['keyring', 'rotate', 'everything'], "command-argument value 'everything' is invalid"],
  [['audit', 'list', '--limit', 'all'], 'It must be a whole number from 1 to 10000.'],
])('wrong usage exits 2 with one sentence and touches nothing: %j', async (args, sentence) => {
  const { code, stdout, stderr } = await runCli(args, { dir })
  expect({ code, stdout }).toEqual({ code: 2, stdout: '' })
  expect(stderr).toContain(sentence)
  expect(stderr.trimEnd().split('\n')).toHaveLength(1)
  expect(existsSync(dir)).toBe(false)
})

test.each([
  'accounts',
  'users',
  'sites',
  'developers',
  'sources',
  'destinations',
  'subscriptions',
  'keys',
  'messages',
  'audit',
])('%s list takes no cursor that is damaged', async (group) => {
  const { code, stdout, stderr } = await runWarmCli([group, 'list', '--after', '0199aa'], { dir })
  expect({ code, stdout }).toEqual({ code: 2, stdout: '' })
  expect(stderr).toContain('It is no cursor of a list')
})

test('a group without a command shows its help and exits 2', async () => {
  const { code, stdout, stderr } = await runCli(['keys'], { dir })
  expect({ code, stdout }).toEqual({ code: 2, stdout: '' })
  expect(stderr).toContain('rotate-secret')
  const json = await runCli(['keys', '--json'], { dir })
  expect(JSON.parse(json.stderr)).toEqual({
    error: { problem: 'usage', message: 'say which command: add --help for a list' },
  })
})

test('a wrong configuration exits 2 and names every problem', async () => {
  const env = { LATCHKEY_PORT: 'eighty', LATCHKEY_PROT: '80', LATCHKEY_LOG_LEVEL: 'loud' }
  const commands = [['serve'], ['accounts', 'list'], ['keyring', 'path']]
  for (const result of await Promise.all(commands.map((args) => runCli(args, { dir, env })))) {
    const { code, stdout, stderr } = result
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' })
    expect(stderr).toContain('LATCHKEY_PROT is not a setting; did you mean LATCHKEY_PORT?')
    expect(stderr).toContain('LATCHKEY_PORT must be')
    expect(stderr).toContain('LATCHKEY_LOG_LEVEL must be')
    expect(stderr).not.toContain('    at ')
  }
})

test('what is not found exits 1, as one JSON document where --json is asked for', async () => {
  const { code, stdout, stderr } = await runCli(['messages', 'show', 'none', '--json'], {
    dir: createTempFolder(),
  })
  expect({ code, stdout, stderr }).toEqual({
    code: 1,
    stdout: '',
    stderr: '{"error":{"problem":"not_found","message":"there is no message none"}}\n',
  })
})

test('help loads no native module', async () => {
  const { code, stdout } = await runCli(['--help'], { dir })
  expect(code).toBe(0)
  expect(stdout).toContain('subscriptions')
  // Node's own report lists the libraries that are loaded.
  const script = `process.argv = [process.argv[0], ${JSON.stringify(CLI)}, 'keys', '--help']
    await import(${JSON.stringify(CLI)})
    process.stderr.write(JSON.stringify(process.report.getReport().sharedObjects))`
  const { stderr } = await promisify(execFile)(process.execPath, [
    ...['--input-type=module', '--eval', script],
  ])
  const loaded = (JSON.parse(stderr) as string[]).filter((file) => file.endsWith('.node'))
  expect(loaded).toEqual([])
})

test('the help of serve lists every setting', async () => {
  const { code, stdout } = await runCli(['serve', '--help'], { dir })
  expect(code).toBe(0)
  for (const [name, { help }] of Object.entries(SETTINGS)) {
    expect(stdout).toContain(name)
    expect(stdout).toContain(help)
  }
})

test('a reader that stops reading does not make a command fail', async () => {
  const command = `"${process.execPath}" "${CLI}" serve --help 2>&1 | true; echo $\{PIPESTATUS[0]}`
  const { stdout } = await promisify(execFile)('bash', ['-c', command])
  expect(stdout).toBe('0\n')
})

test('a control character in a value cannot steer the terminal', () => {
  expect(formatTable(['id', 'name'], [['1', 'a\u001b[2Jb\n']])).toBe(
    'ID  NAME\n1   a\ufffd[2Jb\ufffd\n',
  )
})

test('durations and dates are read exactly or not at all', () => {
  expect(['90s', '30m', '24h', '7d'].map(parseDuration)).toEqual([
    90_000, 1_800_000, 86_400_000, 604_800_000,
  ])
  for (const text of ['', '0s', '1', '1w', '-1s', '1.5h', ' 1s', '1234567d']) {
    expect(() => parseDuration(text), text).toThrow('It must be a duration')
  }
  expect(parseInstant('2027-01-31')).toBe(Date.UTC(2027, 0, 31))
  expect(parseInstant('2027-01-31T12:00+02:00')).toBe(Date.UTC(2027, 0, 31, 10))
  for (const text of [
    '',
    '2027',
    '2027-02-30',
    '2027-01-31T12:00',
    '2027-01-31T25:00Z',
    '1/2/27',
  ]) {
    expect(() => parseInstant(text), text).toThrow('It must be an ISO date')
  }
})
