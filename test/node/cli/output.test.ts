import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import { beforeAll, describe, expect, test } from 'vitest'
import {
  type CliKeyWithSecret,
  type CliRow,
  runJson,
  runJsonList,
  seedCliAccount,
} from '../../support/cli/commands.ts'
import { runCli } from '../../support/process.ts'
import { createTempFolder } from '../../support/server.ts'

/** Runs a command with its output to a device that is always full, or to a closed pipe. */
const FULL_DEVICE_WRAPPER = ['bash', '-c', 'exec "$@" > /dev/full', 'latchkey']
const UNREAD_PIPE_WRAPPER = ['bash', '-c', 'exec 3> >(true); wait $!; exec "$@" >&3', 'latchkey']

const dir = createTempFolder()
let owner: CliRow
let key: CliRow

beforeAll(async () => {
  const seeded = await seedCliAccount(dir)
  owner = seeded.owner
  const create = ['keys', 'create', '--key-type', 'xdent', '--owner', owner.id, '--name', 'nightly']
  key = (await runJson<CliKeyWithSecret>(dir, create)).key
})

const parseErrorLine = (stderr: string) =>
  (
    JSON.parse(stderr.split('\n').find((line) => line.startsWith('{')) ?? '') as {
      error: { problem: string; message: string }
    }
  ).error

const listAuditEvents = () => runJsonList(dir, ['audit', 'list', '--limit', '500'])

describe.each<[string, () => string[], RegExp]>([
  [
    'keys create',
    () => ['--key-type', 'xdent', '--owner', owner.id, '--name', 'weekly'],
    /To get what it showed, run `latchkey keys rotate-secret [\w-]+`$/,
  ],
  [
    'keys rotate-secret',
    () => [key.id],
    /To get what it showed, run `latchkey keys rotate-secret [\w-]+`$/,
  ],
  ['users invite', () => [owner.id], /To get what it showed, run `latchkey users invite [\w-]+`$/],
  ['console link', () => [], /run `latchkey console link` to create another one/],
])('%s', (command, options, mended) => {
  const args = () => [...command.split(' '), ...options()]

  test('does nothing on a full device, where what it shows once would be lost', async () => {
    await expectNothingDone(args(), FULL_DEVICE_WRAPPER, 'the disk is full: free some space')
  })

  test('names the command that mends it where what it shows once was lost', async () => {
    const before = await listAuditEvents()
    const { code, stderr } = await runCli([...args(), '--json'], { dir, readsOutput: false })
    expect({ code, ...parseErrorLine(stderr) }).toEqual({
      code: 1,
      problem: 'failed',
      message: expect.stringMatching(mended),
    })
    expect((await listAuditEvents()).length).toBe(before.length + 1)
  })
})

test('keys rotate-secret does nothing if its output is closed', async () => {
  await expectNothingDone(
    ['keys', 'rotate-secret', key.id],
    UNREAD_PIPE_WRAPPER,
    'the program that read it has ended',
  )
})

async function expectNothingDone(
  args: readonly string[],
  wrapper: readonly string[],
  reason: string,
) {
  const before = await listAuditEvents()
  const { code, stderr } = await runCli([...args, '--json'], { dir, wrapper })
  expect({ code, error: parseErrorLine(stderr) }).toEqual({
    code: 1,
    error: {
      problem: 'failed',
      message: `nothing was done, because the output is shown only once and cannot be written: ${reason}`,
    },
  })
  expect(await listAuditEvents()).toEqual(before)
}

test('keys create shows a secret that can be viewed again by the command that views it', async () => {
  await runJson(dir, ['users', 'set-username', owner.id, 'nightly'])
  const args = ['keys', 'create', '--key-type', 'practice', '--owner', owner.id, '--name', 'desk']
  const { code, stderr } = await runCli(args, { dir, readsOutput: false })
  expect(code).toBe(1)
  const [, id = ''] = /run `latchkey keys view-secret ([\w-]+)`/.exec(stderr) ?? []
  expect((await runJson<CliKeyWithSecret>(dir, ['keys', 'view-secret', id])).secret).not.toBe('')
})

test('keys create with a secret that was brought along shows none, and is done on a full device', async () => {
  const args = ['keys', 'create', '--key-type', 'xdent', '--owner', owner.id, '--name', 'old']
  const stdin = 'secret-of-another-system'
  const { stderr } = await runCli([...args, '--secret-stdin', '--json'], {
    dir,
    wrapper: FULL_DEVICE_WRAPPER,
    stdin,
  })
  expect(parseErrorLine(stderr).message).toBe(
    'the output was not written: the disk is full: free some space',
  )
  expect((await runJsonList(dir, ['keys', 'list'])).map(({ name }) => name)).toContain('old')
})

test('output that is lost is one sentence and exit code 1, in JSON where that is asked for', async () => {
  const message = 'the output was not written: the disk is full: free some space'
  const results = await Promise.all([
    runCli(['accounts', 'list'], { dir, wrapper: FULL_DEVICE_WRAPPER }),
    runCli(['accounts', 'list', '--json'], { dir, wrapper: FULL_DEVICE_WRAPPER }),
    runCli(['--help'], { dir, wrapper: FULL_DEVICE_WRAPPER }),
  ])
  expect(results.map(({ code, stderr }) => [code, stderr])).toEqual([
    [1, `${message}\n`],
    [1, `${JSON.stringify({ error: { problem: 'failed', message } })}\n`],
    [1, `${message}\n`],
  ])
})

test('a reader that has stopped reading a list is no failure', async () => {
  const { code, stderr } = await runCli(['accounts', 'list'], { dir, wrapper: UNREAD_PIPE_WRAPPER })
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' })
})

test('a command is carried out although nothing reads its stderr', async () => {
  const wrapper = ['bash', '-c', 'exec 3> >(true); wait $!; exec "$@" 2>&3', 'latchkey']
  const { code, stdout } = await runCli(['keyring', 'new'], { dir, wrapper })
  expect(code).toBe(0)
  expect(JSON.parse(stdout)).toHaveProperty('keys')
})

test('a log that cannot be written does not end the server', async () => {
  const log = new URL('../../../src/node/log.ts', import.meta.url)
  const script = `const { createLog } = await import(${JSON.stringify(log)})
    const log = createLog('info', 1)
    for (let line = 0; line < 100; line++) log.info({ text: 'x'.repeat(1000) }, 'line')
    setImmediate(() => console.error('goes on'))`
  const node = [process.execPath, '--input-type=module', '--eval', script]
  for (const [program = '', ...args] of [FULL_DEVICE_WRAPPER, UNREAD_PIPE_WRAPPER]) {
    const { stderr } = await promisify(execFile)(program, [...args, ...node])
    expect(stderr).toBe('goes on\n')
  }
})
