import { afterAll, beforeAll, expect, test } from 'vitest'
import { runCli, type ServerProcess, startServer } from '../support/process.ts'
import { deviceNew, type TokenAnswer, temporaryFolder } from '../support/server.ts'
import { ask, type Revealed, type Row, seed } from './command.ts'

const dir = temporaryFolder()
let server: ServerProcess
let seeded: Awaited<ReturnType<typeof seed>>
let created: Revealed
let destination: Row
let subscription: Row

beforeAll(async () => {
  server = await startServer(dir)
  seeded = await seed(dir)
  const { account, owner, source } = seeded
  const wish = ['--owner', owner.id, '--source', source.id, '--name', 'nightly job']
  const place = ['--account', account.id, '--name', 'Redox EMR', '--url', 'https://emr.example']
  ;[created, destination] = await Promise.all([
    ask<Revealed>(dir, ['keys', 'create', ...wish]),
    ask(dir, ['destinations', 'create', ...place]),
  ])
  await ask(dir, ['destinations', 'vouch', destination.id])
  const route = ['--source', source.id, '--destination', destination.id]
  subscription = await ask(dir, ['subscriptions', 'create', ...route])
})
afterAll(() => server.stop())

const post = (path: string, body: object, headers: Record<string, string> = {}) =>
  fetch(server.url + path, {
    method: 'POST',
    body: JSON.stringify(body),
    headers: { 'Content-Type': 'application/json', ...headers },
  })

async function authenticate({ key, secret }: Revealed) {
  const answer = await post('/auth/authenticate', { apiKey: key.publicId, secret })
  expect(answer.status).toBe(200)
  return (await answer.json()) as TokenAnswer
}

const send = ({ accessToken }: TokenAnswer) =>
  post('/endpoint', deviceNew(destination.id), { Authorization: `Bearer ${accessToken}` })

test('what the command line set up is in force in a running server at once', async () => {
  const tokens = await authenticate(created)
  expect((await send(tokens)).status).toBe(200)

  const [message] = await ask<Row[]>(dir, ['messages', 'list'])
  expect(message).toMatchObject({
    accountId: seeded.account.id,
    sourceId: seeded.source.id,
    dataModel: 'Device',
    eventType: 'New',
    deliveries: [{ destinationId: destination.id, status: 'queued' }],
  })
})

test('a payload is opened only on request, and is the message as it came in', async () => {
  await send(await authenticate(created))
  const [message] = await ask<Row[]>(dir, ['messages', 'list', '--limit', '1'])
  const id = String(message?.id)
  const [bare, whole] = await Promise.all([
    ask(dir, ['messages', 'show', id]),
    ask(dir, ['messages', 'show', id, '--payload']),
  ])
  // It is tried meanwhile: how often is another matter.
  if (message === undefined) throw new Error('there is no message')
  const { deliveries: _, ...told } = message
  expect(bare).toMatchObject({ ...told, attempts: expect.any(Array) })
  expect(bare).not.toHaveProperty('payload')
  expect(whole).toMatchObject({ ...told, payload: JSON.stringify(deviceNew(destination.id)) })
})

test('a paused subscription carries nothing until it is resumed', async () => {
  const tokens = await authenticate(created)
  expect(await ask(dir, ['subscriptions', 'pause', subscription.id])).toEqual({
    id: subscription.id,
    status: 'paused',
  })
  expect((await send(tokens)).status).not.toBe(200)
  await ask(dir, ['subscriptions', 'resume', subscription.id])
  expect((await send(tokens)).status).toBe(200)
})

test('a rotated key ring keeps old tokens working in a running server', async () => {
  const before = await authenticate(created)
  for (const use of ['sign', 'refresh', 'seal']) await ask(dir, ['keyring', 'rotate', use])
  await server.says('the key ring was read again')
  const after = await authenticate(created)
  const kid = ({ accessToken }: TokenAnswer) =>
    JSON.parse(Buffer.from(accessToken.split('.')[0] ?? '', 'base64url').toString()).kid
  expect(kid(after)).not.toBe(kid(before))
  expect((await send(before)).status).toBe(200)
  const { refreshToken } = before
  const refreshed = await post('/auth/refreshToken', { apiKey: created.key.publicId, refreshToken })
  expect(refreshed.status).toBe(200)
  // What was sealed before the rotation can still be opened.
  const [newest] = await ask<Row[]>(dir, ['messages', 'list'])
  await ask(dir, ['messages', 'show', String(newest?.id), '--payload'])
})

test('a key that is revoked from the command line is refused at the very next request', async () => {
  const source = await ask(dir, [
    ...['sources', 'create', '--account', seeded.account.id, '--name', 'Second Source'],
  ])
  const wish = ['--owner', seeded.owner.id, '--source', source.id, '--name', 'short-lived']
  const mortal = await ask<Revealed>(dir, ['keys', 'create', ...wish])
  const tokens = await authenticate(mortal)
  await ask(dir, ['keys', 'revoke', mortal.key.publicId, '--yes'])
  expect((await send(tokens)).status).toBe(401)

  const { code, stderr } = await runCli(['keys', 'enable', mortal.key.id], { dir })
  expect(code).toBe(1)
  expect(stderr).toBe(`key ${mortal.key.publicId} is revoked, and that is final: create another\n`)
  const [newest] = await ask<Row[]>(dir, [
    'audit',
    'list',
    '--actor',
    'operator',
    '--subject',
    mortal.key.id,
  ])
  expect(newest).toMatchObject({ actor: 'operator', action: 'key.revoked', subject: mortal.key.id })
})
