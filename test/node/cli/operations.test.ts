import { join } from 'node:path'
import { afterAll, beforeAll, expect, test, vi } from 'vitest'
import {
  type CliKeyWithSecret,
  type CliRow,
  createSeededKey,
  runJson,
  runJsonError,
  runJsonList,
  seedCliAccount,
} from '../../support/cli/commands.ts'
import { executeSql } from '../../support/database/data-folder.ts'
import { runCli, type ServerProcess, startServerProcess } from '../../support/process.ts'
import {
  createDeviceNewMessage,
  createTempFolder,
  type TokenResponse,
} from '../../support/server.ts'

const dir = createTempFolder()
let server: ServerProcess
let seeded: Awaited<ReturnType<typeof seedCliAccount>>
let created: CliKeyWithSecret
let destination: CliRow
let subscription: CliRow

beforeAll(async () => {
  server = await startServerProcess(dir)
  seeded = await seedCliAccount(dir)
  const { account, source } = seeded
  const destinationArgs = [
    '--account',
    account.id,
    '--name',
    'Redox EMR',
    '--url',
    'https://emr.example',
  ]
  ;[created, destination] = await Promise.all([
    createSeededKey(dir, seeded),
    runJson(dir, ['destinations', 'create', ...destinationArgs]),
  ])
  await runJson(dir, ['destinations', 'mark-verified', destination.id])
  const route = ['--source', source.id, '--destination', destination.id]
  subscription = await runJson(dir, ['subscriptions', 'create', ...route])
})
afterAll(() => server.stop())

const postJson = (path: string, body: object, headers: Record<string, string> = {}) =>
  fetch(server.url + path, {
    method: 'POST',
    body: JSON.stringify(body),
    headers: { 'Content-Type': 'application/json', ...headers },
  })

async function authenticate({ key, secret }: CliKeyWithSecret) {
  const answer = await postJson('/auth/authenticate', { apiKey: key.publicId, secret })
  expect(answer.status).toBe(200)
  return (await answer.json()) as TokenResponse
}

const send = ({ accessToken }: TokenResponse) =>
  postJson('/endpoint', createDeviceNewMessage(destination.id), {
    Authorization: `Bearer ${accessToken}`,
  })

test('a running server applies changes of the command line at its next request', async () => {
  const tokens = await authenticate(created)
  expect((await send(tokens)).status).toBe(200)

  const [message] = await runJsonList(dir, ['messages', 'list'])
  expect(message).toMatchObject({
    accountId: seeded.account.id,
    sourceId: seeded.source.id,
    dataModel: 'Device',
    eventType: 'New',
    deliveries: [{ destinationId: destination.id, status: 'queued' }],
  })
})

test('a payload is read only by its own command, and is the message as it was received', async () => {
  await send(await authenticate(created))
  const [message] = await runJsonList(dir, ['messages', 'list', '--limit', '1'])
  const id = String(message?.id)
  const [bare, whole] = await Promise.all([
    runJson(dir, ['messages', 'show', id]),
    runJson<{ message: CliRow; payload: string }>(dir, ['messages', 'payload', id]),
  ])
  // The server delivers it meanwhile.
  if (message === undefined) throw new Error('there is no message')
  const { deliveries: _, ...messageWithoutDeliveries } = message
  expect(bare).toMatchObject(messageWithoutDeliveries)
  expect(bare).not.toHaveProperty('payload')
  expect(whole.message).toMatchObject(messageWithoutDeliveries)
  expect(whole.payload).toBe(JSON.stringify(createDeviceNewMessage(destination.id)))
  const { code, stderr } = await runCli(['messages', 'show', id, '--payload'], { dir })
  expect({ code, stderr }).toEqual({ code: 2, stderr: "unknown option '--payload'\n" })
  const attempts = await runJsonList(dir, ['messages', 'attempts', id])
  for (const attempt of attempts) expect(attempt.destinationId).toBe(destination.id)
})

test('a paused subscription accepts no messages until it is resumed', async () => {
  const tokens = await authenticate(created)
  expect(await runJson(dir, ['subscriptions', 'pause', subscription.id])).toMatchObject({
    id: subscription.id,
    status: 'paused',
  })
  expect((await send(tokens)).status).not.toBe(200)
  await runJson(dir, ['subscriptions', 'resume', subscription.id])
  expect((await send(tokens)).status).toBe(200)
})

test('a rotated key ring keeps old tokens working in a running server', async () => {
  const before = await authenticate(created)
  for (const use of ['access', 'refresh', 'seal']) await runJson(dir, ['keyring', 'rotate', use])
  await server.waitForOutput('the changed key ring was loaded')
  const after = await authenticate(created)
  const readKeyId = ({ accessToken }: TokenResponse) =>
    Buffer.from(accessToken.slice('at_'.length), 'base64url').subarray(1, 5).toString('hex')
  expect(readKeyId(after)).not.toBe(readKeyId(before))
  expect((await send(before)).status).toBe(200)
  const { refreshToken } = before
  const refreshed = await postJson('/auth/refreshToken', {
    apiKey: created.key.publicId,
    refreshToken,
  })
  expect(refreshed.status).toBe(200)
  // Payloads sealed before the rotation can still be opened.
  const [newest] = await runJsonList(dir, ['messages', 'list'])
  await runJson(dir, ['messages', 'payload', String(newest?.id)])
})

test('a key that the command line revokes is refused at the next request', async () => {
  const source = await runJson(dir, [
    ...['sources', 'create', '--account', seeded.account.id, '--name', 'Second Source'],
  ])
  const keyArgs = [
    '--key-type',
    'redox',
    '--owner',
    seeded.owner.id,
    '--source',
    source.id,
    '--name',
    'short-lived',
  ]
  const mortal = await runJson<CliKeyWithSecret>(dir, ['keys', 'create', ...keyArgs])
  const tokens = await authenticate(mortal)
  await runJson(dir, ['keys', 'revoke', mortal.key.publicId, '--yes'])
  expect((await send(tokens)).status).toBe(401)

  const { code, stderr } = await runCli(['keys', 'enable', mortal.key.id], { dir })
  expect(code).toBe(1)
  expect(stderr).toBe(`key ${mortal.key.publicId} is revoked permanently: create another key\n`)
  const [newest] = await runJsonList(dir, [
    'audit',
    'list',
    '--actor',
    'operator',
    '--subject',
    mortal.key.id,
  ])
  expect(newest).toMatchObject({ actor: 'operator', action: 'key.revoked', subject: mortal.key.id })
})

test('enforcing an IP allowlist that refuses an address in use needs a confirmation, or --yes', async () => {
  await authenticate(created)
  const accountArgs = ['--account', seeded.account.id]
  const list = ['ip-allowlist', 'add', ...accountArgs, '--network', '203.0.113.0/24']
  const enforce = ['ip-allowlist', 'enforce', seeded.account.id]
  const refused = (action: string) => ({
    code: 2,
    problem: 'usage',
    message:
      'this refuses addresses that requested tokens within 30 days: 127.0.0.1, and there is no terminal ' +
      `to confirm it (${action}): add --yes`,
  })
  // The server flushes the audit event of the token within seconds.
  await vi.waitFor(
    async () =>
      expect(await runJsonList(dir, ['ip-allowlist', 'seen', ...accountArgs])).toHaveLength(1),
    60_000,
  )

  await runJson(dir, enforce)
  expect(await runJsonError(dir, list)).toEqual(
    refused('Add a network to the IP allowlist of an account'),
  )
  await runJson(dir, ['ip-allowlist', 'stop-enforcing', seeded.account.id])
  await runJson(dir, list)
  expect(await runJsonError(dir, enforce)).toEqual(
    refused('Enforce the IP allowlist of an account'),
  )
  expect(await runJson(dir, [...enforce, '--yes'])).toMatchObject({ ipAllowlistEnforced: true })
  await runJson(dir, ['ip-allowlist', 'stop-enforcing', seeded.account.id])
})

test('an erased payload is refused with the setting that keeps those of later messages', async () => {
  const accepted = await send(await authenticate(created))
  expect(accepted.status).toBe(200)
  const [message] = await runJsonList(dir, ['messages', 'list', '--limit', '1'])
  const id = message?.id ?? ''
  await runJson(dir, ['messages', 'skip', id])
  executeSql(
    join(dir, 'latchkey.db'),
    `UPDATE messages SET erased_at = 1, sealed_payload = '' WHERE id = '${id}'`,
  )
  const refusals = await Promise.all(
    [['payload'], ['replay']].map(([verb = '']) => runJsonError(dir, ['messages', verb, id])),
  )
  for (const { message } of refusals) {
    expect(message).toBe(
      `the payload of message ${id} was erased after its last delivery; LATCHKEY_RETENTION_DAYS keeps those of later messages`,
    )
  }
})
