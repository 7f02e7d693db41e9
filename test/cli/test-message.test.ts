import { beforeAll, describe, expect, test } from 'vitest'
import type { AuditEvent, MessageSummary } from '../../src/service/ports.ts'
import { runCli } from '../support/process.ts'
import { temporaryFolder } from '../support/server.ts'
import { ask, refused, seed } from './command.ts'

/*
 * A test message by the command line, as the console and the management API send it.
 */

const dir = temporaryFolder()
let source: string
let destination: string

beforeAll(async () => {
  const seeded = await seed(dir)
  source = seeded.source.id
  const of = ['--account', seeded.account.id]
  destination = (
    await ask(dir, [
      'destinations',
      'create',
      ...of,
      '--name',
      'EMR',
      '--url',
      'https://emr.example',
    ])
  ).id
  await ask(dir, ['destinations', 'vouch', destination])
  await ask(dir, ['subscriptions', 'create', '--source', source, '--destination', destination])
  const wish = ['--owner', seeded.owner.id, '--source', source, '--name', 'nightly job']
  await ask(dir, ['keys', 'create', ...wish])
})

interface Told {
  readonly messageId: string
  readonly status: number
  readonly answer: string
  readonly refusal: { reason: string; sentence: string } | null
}

const send = (...more: string[]) => ['messages', 'test', '--source', source, ...more]

describe('A test message', () => {
  test('is a sample of the event, stored, marked, and told of in the audit', async () => {
    const wish = send('--destination', destination, '--event', 'Notes:New')
    const told = await ask<Told>(dir, wish)
    expect(told).toMatchObject({ status: 200, refusal: null })
    const message = await ask<MessageSummary>(dir, ['messages', 'show', told.messageId])
    expect(message).toMatchObject({ test: true, dataModel: 'Notes', eventType: 'New' })
    const [event] = await ask<AuditEvent[]>(dir, ['audit', 'list', '--subject', told.messageId])
    expect(event).toMatchObject({ action: 'message.test_sent', actor: 'operator' })
  })

  test('is a file or standard input as well: an edited sample', async () => {
    const printed = await runCli(send('--destination', destination, '--sample'), { dir })
    const edited = printed.stdout.replace('"Test device"', '"Edited device"')
    const { code, stdout } = await runCli(send('--file', '-'), { dir, stdin: edited })
    expect(code).toBe(0)
    const [, id = ''] =
      /^answered +200\nmessage +(\S+) \(latchkey messages show \1\)\n/.exec(stdout) ?? []
    const { payload } = await ask<{ payload: string }>(dir, ['messages', 'show', id, '--payload'])
    expect(JSON.parse(payload)).toEqual(JSON.parse(edited))
  })

  test('that is refused has the vendor’s answer, why, and exit code 1', async () => {
    const other = crypto.randomUUID()
    const { code, stdout } = await runCli(send('--destination', other), { dir })
    expect(code).toBe(1)
    expect(stdout).toMatch(
      /^answered +403\nrefused +A destination of the message is not in an active subscription/,
    )
    expect(stdout).toContain('"Errors"')
    const json = await runCli(send('--destination', other, '--json'), { dir })
    expect(JSON.parse(json.stdout)).toMatchObject({
      messageId: null,
      status: 403,
      refusal: { reason: 'destination_not_subscribed' },
    })
  })

  test('that does not say that it is a test is not sent', async () => {
    const { stdout: sample } = await runCli(send('--destination', destination, '--sample'), { dir })
    const meant = sample.replace('"Test": true', '"Test": false')
    const { code, stdout } = await runCli(send('--file', '-'), { dir, stdin: meant })
    expect([code, stdout]).toEqual([1, expect.stringContaining('Meta.Test must be true')])
  })

  test('needs a place to go, an event and a source that there are', async () => {
    const usage = { code: 2, problem: 'usage' }
    expect(await refused(dir, send())).toMatchObject(usage)
    const wrong = send('--destination', destination, '--event', 'Device:Old')
    expect(await refused(dir, wrong)).toMatchObject(usage)
    expect(await refused(dir, send('--destination', destination, '--file', '-'))).toMatchObject(
      usage,
    )
    const nobody = ['messages', 'test', '--source', 'nobody', '--destination', destination]
    expect(await refused(dir, nobody)).toMatchObject({ code: 1, problem: 'not_found' })
  })
})
