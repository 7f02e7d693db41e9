import { beforeAll, describe, expect, test } from 'vitest'
import type { AuditEvent } from '../../../src/service/ports/audit.ts'
import type { MessageSummary } from '../../../src/service/ports/messages.ts'
import { runJson, runJsonError, runJsonList, seedCliAccount } from '../../support/cli/commands.ts'
import { runCli } from '../../support/process.ts'
import { createTempFolder } from '../../support/server.ts'

const dir = createTempFolder()
let source: string
let destination: string

beforeAll(async () => {
  const seeded = await seedCliAccount(dir)
  source = seeded.source.id
  const of = ['--account', seeded.account.id]
  destination = (
    await runJson(dir, [
      'destinations',
      'create',
      ...of,
      '--name',
      'EMR',
      '--url',
      'https://emr.example',
    ])
  ).id
  await runJson(dir, ['destinations', 'mark-verified', destination])
  await runJson(dir, ['subscriptions', 'create', '--source', source, '--destination', destination])
  const keyArgs = [
    '--key-type',
    'redox',
    '--owner',
    seeded.owner.id,
    '--source',
    source,
    '--name',
    'nightly job',
  ]
  await runJson(dir, ['keys', 'create', ...keyArgs])
})

interface TestMessageResult {
  readonly messageId: string
  readonly status: number
  readonly answer: string
  readonly refusal: { reason: string; sentence: string } | null
}

const send = (...more: string[]) => ['messages', 'test', '--source', source, ...more]

describe('messages test', () => {
  test('sends a sample of the event, which is stored, marked as a test, and audited', async () => {
    const keyArgs = send('--destination', destination, '--event', 'Notes:New')
    const testResult = await runJson<TestMessageResult>(dir, keyArgs)
    expect(testResult).toMatchObject({ status: 200, refusal: null })
    const message = await runJson<MessageSummary>(dir, ['messages', 'show', testResult.messageId])
    expect(message).toMatchObject({ test: true, dataModel: 'Notes', eventType: 'New' })
    const [event] = await runJsonList<AuditEvent>(dir, [
      'audit',
      'list',
      '--subject',
      testResult.messageId,
    ])
    expect(event).toMatchObject({ action: 'message.test_sent', actor: 'operator' })
  })

  test('sends an edited sample from standard input', async () => {
    const printed = await runCli(send('--destination', destination, '--sample'), { dir })
    const edited = printed.stdout.replace('"Test device"', '"Edited device"')
    const { code, stdout } = await runCli(send('--file', '-'), { dir, stdin: edited })
    expect(code).toBe(0)
    const [, id = ''] =
      /^status +200\nmessage +(\S+) \(latchkey messages show \1\)\n/.exec(stdout) ?? []
    const { payload } = await runJson<{ payload: string }>(dir, ['messages', 'payload', id])
    expect(JSON.parse(payload)).toEqual(JSON.parse(edited))
  })

  test('prints the response of a refused message and its reason, and exits 1', async () => {
    const other = crypto.randomUUID()
    const { code, stdout } = await runCli(send('--destination', other), { dir })
    expect(code).toBe(1)
    expect(stdout).toMatch(
      /^status +403\nrefused +A destination of the message is not in an active subscription/,
    )
    expect(stdout).toContain('"Errors"')
    const json = await runCli(send('--destination', other, '--json'), { dir })
    expect(JSON.parse(json.stdout)).toMatchObject({
      messageId: null,
      status: 403,
      refusal: { reason: 'destination_not_subscribed' },
    })
  })

  test('rejects a message that is not marked as a test', async () => {
    const { stdout: sample } = await runCli(send('--destination', destination, '--sample'), { dir })
    const meant = sample.replace('"Test": true', '"Test": false')
    const { code, stdout } = await runCli(send('--file', '-'), { dir, stdin: meant })
    expect([code, stdout]).toEqual([1, expect.stringContaining('Meta.Test must be true')])
  })

  test('needs a destination or a file, a known event, and an existing source', async () => {
    const usage = { code: 2, problem: 'usage' }
    expect(await runJsonError(dir, send())).toMatchObject(usage)
    const wrong = send('--destination', destination, '--event', 'Device:Old')
    expect(await runJsonError(dir, wrong)).toMatchObject(usage)
    expect(
      await runJsonError(dir, send('--destination', destination, '--file', '-')),
    ).toMatchObject(usage)
    const nobody = ['messages', 'test', '--source', 'nobody', '--destination', destination]
    expect(await runJsonError(dir, nobody)).toMatchObject({ code: 1, problem: 'not_found' })
  })
})
