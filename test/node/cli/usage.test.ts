import { execFile } from 'node:child_process'
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { Command, type Option } from 'commander'
import { afterEach, beforeAll, describe, expect, test, vi } from 'vitest'
import { reportErrors } from '../../../src/node/cli/command-failure.ts'
import { parseDuration, parseInstant } from '../../../src/node/cli/operation-command.ts'
import { formatTable, formatValue } from '../../../src/node/cli/print.ts'
import { OPERATIONS } from '../../../src/operations/registry.ts'
import { SETTINGS } from '../../../src/settings.ts'
import { runJson, runJsonError } from '../../support/cli/commands.ts'
import { buildProgram, formatCommandName, listLeafCommands } from '../../support/cli/program.ts'
import { runWarmCli } from '../../support/cli/warm-cli.ts'
import { runCli } from '../../support/process.ts'
import { createTempFolder } from '../../support/server.ts'

const dir = join(createTempFolder(), 'not-there-yet')
const CLI = fileURLToPath(new URL('../../../src/node/cli.ts', import.meta.url))

test.each([
  [['kays'], "unknown command 'kays' (Did you mean keys?)"],
  [['help', 'kays'], "unknown command 'kays' (Did you mean keys?)"],
  [['help', 'keys', 'craete'], "unknown command 'craete' (Did you mean create?)"],
  [['backup', ''], '<file> must not be empty'],
  [['restore', ''], '<file> must not be empty'],
  [['keys', 'create', '--name', 'x'], "required option '--key-type <type>' not specified"],
  [['accounts', 'close'], "missing required argument 'id'"],
  [['keyring', 'rotate', 'everything'], "command-argument value 'everything' is invalid"],
  [['audit', 'list', '--limit', 'all'], '--limit must be a number from 1 to 500'],
  [['keys', 'list', '--status', 'foo'], 'Allowed choices are enabled, disabled, revoked.'],
  [['keys', 'list', '--limit', '5', '--limit', '6'], '--limit is given twice'],
  [['keys', 'list', '--account', ''], '--account must not be empty'],
  [['keys', 'show', ''], '<id> must not be empty'],
  [['accounts', 'rename', 'some-id', ''], '<name> must not be empty'],
  [['keys', 'list', '--unused-since', '2027-02-30'], '--unused-since: It must be an ISO date'],
  [['keys', 'rotate-secret', 'some-id', '--overlap', '1w'], '--overlap: It must be a duration'],
  [['keys', 'edit', 'some-id'], 'nothing to change: add at least one option'],
  [['keyring', 'revoke', 'some-id'], 'every token that it made ends, and there is no terminal'],
  [['keys', 'revoke', 'some-id'], 'this cannot be undone, and there is no terminal to confirm it'],
])('wrong usage exits 2 with one sentence and touches nothing: %j', async (args, sentence) => {
  const { code, stdout, stderr } = await runCli(args, { dir })
  expect({ code, stdout }).toEqual({ code: 2, stdout: '' })
  expect(stderr).toContain(sentence)
  expect(stderr.trimEnd().split('\n')).toHaveLength(1)
  expect(existsSync(dir)).toBe(false)
})

/** A folder with a database. */
const usedDir = createTempFolder()
beforeAll(() => runJson(usedDir, ['accounts', 'create', '--name', 'Acme Health']))

test.each([
  ['keys', 'list'],
  ['users', 'create', '--account', 'a', '--email', 'eng@acme.example', '--role', 'engineer'],
  ['messages', 'test', '--source', 'a', '--destination', 'b'],
  ['audit', 'verify'],
  ['explain', crypto.randomUUID()],
])('%s %s in a folder without a database says so and creates nothing', async (...args) => {
  expect(await runJsonError(dir, args)).toEqual({
    code: 1,
    problem: 'not_found',
    message: `there is no database at ${join(dir, 'latchkey.db')}: set LATCHKEY_DATA, or start with \`latchkey serve\``,
  })
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
])('%s list rejects a damaged cursor', async (group) => {
  const { code, stdout, stderr } = await runWarmCli([group, 'list', '--after', '0199aa'], {
    dir: usedDir,
  })
  expect({ code, stdout }).toEqual({ code: 2, stdout: '' })
  expect(stderr).toBe('--after is no cursor of this list: begin with its first page\n')
})

test('a group without a command shows its help and exits 2', async () => {
  const { code, stdout, stderr } = await runCli(['keys'], { dir })
  expect({ code, stdout }).toEqual({ code: 2, stdout: '' })
  expect(stderr).toContain('rotate-secret')
  const json = await runCli(['keys', '--json'], { dir })
  expect(JSON.parse(json.stderr)).toEqual({
    error: { problem: 'usage', message: 'the command is missing: --help lists all commands' },
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

test('a command for a resource that does not exist exits 1, and --json prints the error as one document', async () => {
  const { code, stdout, stderr } = await runCli(['messages', 'show', 'none', '--json'], {
    dir: usedDir,
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

test('help prints the help of the command that it names', async () => {
  const [named, own] = await Promise.all([
    runWarmCli(['help', 'keys', 'create'], { dir }),
    runWarmCli(['keys', 'create', '--help'], { dir }),
  ])
  expect(named).toEqual(own)
  expect(named.stdout).toMatch(/^Usage: latchkey keys create /)
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

test('text omits what has no value, and reports an empty list', () => {
  expect(formatValue({ items: [], next: null }, ['id', 'name'])).toBe('Nothing found.\n')
  const items = [
    { id: 'a', name: 'A', note: '', endsAt: null },
    { id: 'b', name: null, note: '', endsAt: null },
  ]
  expect(formatValue({ items, next: null })).toBe('ID  NAME\na   A\nb   -\n')
  expect(formatValue({ publicId: 'a', note: '', dueAt: '1970-01-01T00:00:00.000Z' })).toBe(
    'public id  a\ndue at     now\n',
  )
  expect(formatValue({ key: { keyType: 'redox' } })).toBe('key type  redox\n')
  const facts = { overlapEndsAt: 1_767_322_984_000, answerStatus: 401 }
  expect(formatValue({ items: [{ facts }] })).toBe(
    'FACTS\noverlapEndsAt=2026-01-02T03:03:04.000Z answerStatus=401\n',
  )
})

test('durations and dates are read exactly or not at all', () => {
  expect(['90s', '30m', '24h', '7d'].map(parseDuration)).toEqual([90, 1800, 86_400, 604_800])
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

describe('wrong usage of each command exits 2 and touches nothing', async () => {
  const dir = join(createTempFolder(), 'not-there-yet')
  const leaves = listLeafCommands(await buildProgram())

  /** Runs a command in this process, and returns its exit code and error. */
  async function runInProcess(args: readonly string[]) {
    const stderr = vi.spyOn(process.stderr, 'write').mockClear().mockReturnValue(true)
    vi.stubEnv('LATCHKEY_DATA', dir)
    const root = new Command('latchkey')
    await reportErrors(root, async () => {
      await (await buildProgram(root)).parseAsync(args, { from: 'user' })
    })
    const result = { code: process.exitCode, stderr: stderr.mock.calls.join('') }
    process.exitCode = undefined
    return result
  }
  afterEach(() => {
    vi.restoreAllMocks()
    vi.unstubAllEnvs()
  })

  const exampleValue = (flags: string, choices: readonly string[] | undefined) =>
    choices?.[0] ?? (flags.includes('<date>') ? '2027-01-31' : 'none')
  const exampleOption = ({ long, flags, argChoices }: Option) =>
    flags.includes('<') ? [String(long), exampleValue(flags, argChoices)] : [String(long)]

  test.each(leaves.map((leaf) => [formatCommandName(leaf), leaf] as const))(
    '%s',
    async (name, leaf) => {
      const start = name.split(' ')
      const required = leaf.registeredArguments.filter((argument) => argument.required)
      const args = required.map((argument) => exampleValue('', argument.argChoices))
      const mandatory = leaf.options.filter((option) => option.mandatory)
      const options = mandatory.flatMap(exampleOption)
      const isOperation = OPERATIONS.some(
        ({ id, noCommand }) =>
          noCommand === undefined &&
          id.replace('.', ' ').replaceAll(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`) ===
            name,
      )
      const lines = [
        [...start, ...args, ...options, '--no-such-option'],
        [...start, ...args, ...leaf.registeredArguments.map(() => 'more'), 'more', ...options],
        ...args.map((_, n) => [...start, ...args.slice(0, n), ...options]),
        ...mandatory.map((option) => [
          ...start,
          ...args,
          ...mandatory.filter((other) => other !== option).flatMap(exampleOption),
        ]),
        ...(isOperation ? args : []).map((_, n) => [...start, ...args.with(n, ''), ...options]),
        ...(isOperation ? mandatory : []).map((option) => [
          ...start,
          ...args,
          ...mandatory.flatMap((other) =>
            other === option ? [String(option.long), ''] : exampleOption(other),
          ),
        ]),
        ...(isOperation ? leaf.options : []).map((option) => [
          ...start,
          ...args,
          ...mandatory.filter((other) => other !== option).flatMap(exampleOption),
          ...exampleOption(option),
          ...exampleOption(option),
        ]),
      ]
      for (const line of lines) {
        const { code, stderr } = await runInProcess(line)
        expect({ line, code, stderr }).toEqual({
          line,
          code: 2,
          stderr: expect.stringMatching(/^.+\n$/),
        })
      }
      expect(existsSync(dir)).toBe(false)
    },
  )
})
