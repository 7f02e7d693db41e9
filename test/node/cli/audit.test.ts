import { existsSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { Command } from 'commander'
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'
import { describeRefusal, toRefusalFacts } from '../../../src/domain/refusal-text.ts'
import { COMMAND_GROUPS, defineGroup } from '../../../src/node/cli/program.ts'
import type { Explanation } from '../../../src/service/audit/explain.ts'
import type { AuditVerdict } from '../../../src/service/audit/verify.ts'
import type { AuditEvent } from '../../../src/service/ports/audit.ts'
import {
  type CliKeyWithSecret,
  createSeededKey,
  runJson,
  runJsonList,
  seedCliAccount,
} from '../../support/cli/commands.ts'
import { runWarmCli } from '../../support/cli/warm-cli.ts'
import { executeSql } from '../../support/database/data-folder.ts'
import { type ServerProcess, startServerProcess } from '../../support/process.ts'
import { SAMPLE_FAILURES } from '../../support/sample-failures.ts'
import { createTempFolder, type TokenResponse } from '../../support/server.ts'

const dir = createTempFolder()
const database = join(dir, 'latchkey.db')
let server: ServerProcess
let created: CliKeyWithSecret
let seeded: Awaited<ReturnType<typeof seedCliAccount>>

beforeAll(async () => {
  // Without a leeway reuse is reuse at once.
  server = await startServerProcess(dir, { LATCHKEY_REFRESH_LEEWAY_SECONDS: '0' })
  seeded = await seedCliAccount(dir)
  created = await createSeededKey(dir, seeded)
})
afterAll(() => server.kill())

async function post(path: string, body: object) {
  const answer = await fetch(server.url + path, {
    method: 'POST',
    body: JSON.stringify(body),
    headers: { 'Content-Type': 'application/json' },
  })
  const requestId = answer.headers.get('x-request-id') ?? ''
  return { status: answer.status, requestId, body: await answer.text() }
}
const authenticate = (secret: string, apiKey = created.key.publicId) =>
  post('/auth/authenticate', { apiKey, secret })

/** Retries until the server has flushed the audit events of the request. */
const explainRequest = (requestId: string) =>
  vi.waitFor(() => runJson<Explanation>(dir, ['explain', requestId]), 300_000)

describe('explain', () => {
  test('describes a refusal: time, address, key, reason and remedy', async () => {
    const { id, publicId } = created.key
    await runJson(dir, ['keys', 'disable', id])
    const { status, requestId } = await authenticate(created.secret)
    expect(status).toBe(401)
    expect(await explainRequest(requestId)).toEqual({
      requestId,
      decisions: [
        {
          at: expect.stringMatching(/^20..-.*Z$/),
          action: 'key.refused',
          subject: id,
          facts: {
            surface: 'exchange',
            reason: 'key_disabled',
            keyId: id,
            address: '127.0.0.1',
            path: '/auth/authenticate',
          },
          sentence: 'The key is disabled.',
          advice: `\`latchkey keys enable ${id}\` enables it.`,
          address: '127.0.0.1',
          path: '/auth/authenticate',
          surface: 'exchange',
          key: {
            id,
            publicId,
            name: 'nightly job',
            accountId: seeded.account.id,
            accountName: 'Acme Health',
          },
          answer: { status: 401, body: 'Invalid request' },
          count: 1,
        },
      ],
    })
    const { stdout } = await runWarmCli(['explain', requestId], { dir })
    const lines = stdout.split('\n').map((line) => line.split(/ {2,}/))
    expect(lines).toEqual([
      ['when', expect.stringMatching(/^20..-/)],
      ['from', '127.0.0.1'],
      ['request', 'exchange at /auth/authenticate'],
      ['key', `nightly job of Acme Health (${id})`],
      ['decision', 'The key is disabled.'],
      ['advice', `\`latchkey keys enable ${id}\` enables it.`],
      ['response', '401 Invalid request'],
      [''],
    ])
    await runJson(dir, ['keys', 'enable', id])
  })

  test('names the command that enables a key for the party that disabled it', async () => {
    const accountArgs = ['--account', seeded.account.id]
    const developer = await runJson(dir, ['developers', 'create', ...accountArgs, '--name', 'Apps'])
    const { key, credential } = await runJson<CliKeyWithSecret>(dir, [
      ...['keys', 'create', '--key-type', 'opendental', '--owner', seeded.owner.id],
      ...['--developer', developer.id, '--name', 'Elm Street'],
    ])
    const explainUse = async () => {
      const { headers } = await fetch(`${server.url}/api/v1/patients`, {
        headers: { Authorization: credential.value },
      })
      const { decisions } = await explainRequest(headers.get('x-request-id') ?? '')
      return decisions[0]?.advice
    }
    expect(await explainUse()).toContain(`\`latchkey keys assign ${key.id} SITE\``)
    await runJson(dir, ['keys', 'disable', key.id, '--by', 'customer'])
    const enable = `latchkey keys enable ${key.id} --by customer`
    expect(await explainUse()).toContain(`\`${enable}\``)
    await runJson(dir, enable.split(' ').slice(1))
  })

  test('describes a wrong practice key: the username or the key is wrong', async () => {
    const { headers } = await fetch(`${server.url}/practice/v1/me`, {
      headers: { Authorization: `Basic ${btoa('eng.acme:wrong')}` },
    })
    expect(await explainRequest(headers.get('x-request-id') ?? '')).toMatchObject({
      decisions: [{ sentence: expect.stringMatching(/^The username or the key is wrong: /) }],
    })
  })

  test('describes an unknown key without what the caller sent', async () => {
    const typed = `secret-in-the-wrong-field-${crypto.randomUUID()}`
    const { requestId } = await authenticate(created.secret, typed)
    const explanation = await explainRequest(requestId)
    expect(explanation.decisions[0]).toMatchObject({ key: null, action: 'key.refused' })
    expect(JSON.stringify(explanation)).not.toContain(typed)
  })

  test('describes issued tokens after an exchange or a refresh, and the revoked grant after reuse', async () => {
    const issued = await authenticate(created.secret)
    expect((await explainRequest(issued.requestId)).decisions).toMatchObject([
      { action: 'token.issued', advice: null, key: { id: created.key.id } },
    ])
    const refresh = async ({ refreshToken }: TokenResponse) => {
      const answer = await post('/auth/refreshToken', {
        apiKey: created.key.publicId,
        refreshToken,
      })
      return { ...answer, tokens: answer.status === 200 ? JSON.parse(answer.body) : null }
    }
    const first = JSON.parse(issued.body) as TokenResponse
    const second = await refresh(first)
    expect((await explainRequest(second.requestId)).decisions).toMatchObject([
      { action: 'token.refreshed', sentence: expect.stringContaining('generation 1') },
    ])
    await refresh((await refresh(second.tokens)).tokens)
    const reused = await refresh(first)
    expect(reused.status).toBe(401)
    // The grant is revoked at once; why the caller was refused is written a moment later.
    const listDecisionActions = async () =>
      (await explainRequest(reused.requestId)).decisions.map(({ action }) => action)
    await expect.poll(listDecisionActions).toEqual(['grant.reused', 'key.refused'])
  })

  test('advises commands that there are', async () => {
    const advised = SAMPLE_FAILURES.map(
      (failure) => describeRefusal(toRefusalFacts(failure)).advice ?? '',
    ).flatMap((advice) => [...advice.matchAll(/`latchkey (\w+) ([\w-]+)/g)])
    expect(advised.length).toBeGreaterThan(10)
    for (const [, name = '', verb] of advised) {
      const group = new Command(name)
      const known = COMMAND_GROUPS.find((one) => one.name === name)
      if (known) await defineGroup(group, known.name)
      expect(group.commands.map((command) => command.name())).toContain(verb)
    }
  })

  test('reports if nothing is known of the request', async () => {
    const { code, stderr } = await runWarmCli(['explain', 'no-such-request'], { dir })
    expect(code).toBe(1)
    expect(stderr).toMatch(/^there is no record of request no-such-request\. /)
    const nowhere = await runWarmCli(['explain', 'x'], { dir: createTempFolder() })
    expect([nowhere.code, nowhere.stderr]).toEqual([1, expect.stringMatching(/no database/)])
  })
})

test('audit list finds by subject, actor, action and time', async () => {
  const { id } = created.key
  const list = (...filter: string[]) => runJsonList<AuditEvent>(dir, ['audit', 'list', ...filter])
  const listActions = async (...filter: string[]) =>
    new Set((await list(...filter)).map(({ action }) => action))
  expect(await listActions('--subject', id, '--actor', 'operator')).toEqual(
    new Set(['key.created', 'key.disabled', 'key.enabled']),
  )
  expect(await listActions('--action', 'key.disabled')).toEqual(new Set(['key.disabled']))
  expect(await list('--since', '2999-01-01')).toEqual([])
  expect(await list('--until', '2000-01-01')).toEqual([])
  expect((await list('--since', '2000-01-01', '--until', '2999-01-01')).length).toBeGreaterThan(5)
})

test('audit list leaves what a caller was answered sealed: explain opens it', async () => {
  const { requestId } = await authenticate('wrong')
  const { decisions } = await explainRequest(requestId)
  expect(decisions).toMatchObject([{ answer: { status: 401, body: 'Invalid request' } }])
  const filter = ['audit', 'list', '--action', 'key.refused']
  const [{ facts } = { facts: {} }] = await runJsonList<AuditEvent>(dir, [
    ...filter,
    '--limit',
    '1',
  ])
  expect(facts).toMatchObject({ reason: 'secret_wrong', answerStatus: 401 })
  expect(facts).not.toHaveProperty('answerBody')
  const { stdout } = await runWarmCli(filter, { dir })
  expect(stdout).toContain('reason=secret_wrong')
  expect(stdout).not.toContain('answerBody')
})

test('audit list shows times among the facts as instants', async () => {
  await runWarmCli(['users', 'invite', seeded.owner.id], { dir })
  const { stdout } = await runWarmCli(['audit', 'list', '--action', 'user.invited'], { dir })
  expect(stdout).toMatch(/until=\d{4}-\d\d-\d\dT/)
})

describe('the chain of a server that was stopped', () => {
  const file = join(createTempFolder(), 'audit.jsonl')
  const verify = async (...args: string[]) => {
    const { code, stdout } = await runWarmCli(['audit', 'verify', ...args, '--json'], { dir })
    return { code, verdict: JSON.parse(stdout) as AuditVerdict }
  }
  beforeAll(async () => {
    expect(await server.stop()).toBe(0)
  })

  test('is whole, with every event in it', async () => {
    const { code, verdict } = await verify()
    expect(code).toBe(0)
    expect(verdict).toMatchObject({ whole: true, first: 1, breaks: [] })
    const listed = await runJsonList<AuditEvent>(dir, ['audit', 'list', '--limit', '500'])
    expect(verdict.events).toBe(listed.length)
    const { stdout } = await runWarmCli(['audit', 'verify'], { dir })
    expect(stdout).toMatch(/^The audit is whole: \d+ events, numbered 1 to \d+; /)
  })

  test('is exported for its owner alone, and verified with the key ring alone', async () => {
    const { events } = await runJson<{ events: number }>(dir, ['audit', 'export', file])
    expect(statSync(file).mode & 0o777).toBe(0o600)
    const lines = readFileSync(file, 'utf8').trimEnd().split('\n')
    expect(lines.filter((line) => line.startsWith('{"event":'))).toHaveLength(events)
    const away = createTempFolder()
    const env = { LATCHKEY_KEYRING: join(dir, 'keyring.json') }
    const result = await runWarmCli(['audit', 'verify', '--file', file], { dir: away, env })
    expect(result).toMatchObject({ code: 0, stdout: expect.stringMatching(/^The audit is whole/) })
    expect(existsSync(join(away, 'latchkey.db'))).toBe(false)
    const secondExport = await runWarmCli(['audit', 'export', file], { dir })
    expect([secondExport.code, secondExport.stderr]).toEqual([
      1,
      `${file} already exists: add --force to replace it\n`,
    ])
    await runJson(dir, ['audit', 'export', file, '--force'])
    const exportEvents = await runJsonList<AuditEvent>(dir, [
      'audit',
      'list',
      '--action',
      'audit.exported',
    ])
    expect(exportEvents).toMatchObject([{ actor: 'operator' }, { actor: 'operator' }])
  })

  test('is broken in an exported file by any line that is changed, taken out or cut off', async () => {
    const lines = readFileSync(file, 'utf8').trimEnd().split('\n')
    const at = lines.findIndex((line) => line.startsWith('{"event":')) + 2
    const changed = lines.with(at, (lines[at] ?? '').replace('"operator"', '"somebody"'))
    for (const text of [changed, lines.toSpliced(at, 1), lines.slice(0, -1)]) {
      const copy = join(createTempFolder(), 'copy.jsonl')
      writeFileSync(copy, `${text.join('\n')}\n`)
      expect((await verify('--file', copy)).code).toBe(1)
    }
    const other = join(createTempFolder(), 'other.jsonl')
    writeFileSync(other, '{}\n')
    const { code, stderr } = await runWarmCli(['audit', 'verify', '--file', other], { dir })
    expect([code, stderr]).toEqual([1, 'line 1 is not one of an exported audit\n'])
  })

  test('is broken by an edit of the database, and verify names the event', async () => {
    const [event] = await runJsonList<AuditEvent>(dir, [
      'audit',
      'list',
      '--action',
      'key.disabled',
    ])
    executeSql(database, `UPDATE audit_events SET actor = 'nobody' WHERE id = '${event?.id}'`)
    const { code, verdict } = await verify()
    expect(code).toBe(1)
    expect(verdict.breaks).toMatchObject([{ eventId: event?.id }])
    const { stdout } = await runWarmCli(['audit', 'verify'], { dir })
    expect(stdout).toMatch(
      /^The audit is NOT whole: .*\n {2}event \d+ is not the one that was sealed/,
    )
    expect(stdout).toContain(String(event?.id))
    executeSql(database, `UPDATE audit_events SET actor = 'operator' WHERE id = '${event?.id}'`)
    expect((await verify()).code).toBe(0)
  })

  test('is broken by a cut of its end, with or without a change of the row that records the end', async () => {
    const cut = 'DELETE FROM audit_events WHERE sequence = (SELECT max(sequence) FROM audit_events)'
    executeSql(database, cut)
    expect((await verify()).verdict.breaks[0]?.message).toMatch(/^event \d+ is gone$/)
    executeSql(
      database,
      `UPDATE audit_chain SET (sequence, seal) =
        (SELECT sequence, seal FROM audit_events ORDER BY sequence DESC LIMIT 1)`,
    )
    expect((await verify()).verdict.breaks.map(({ message }) => message)).toEqual([
      expect.stringMatching(/^the chain was set back to event \d+: event \d+ was signed at 20/),
      expect.stringMatching(/^event \d+ is gone$/),
    ])
  })
})
