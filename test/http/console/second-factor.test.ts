import { afterAll, beforeAll, expect, test } from 'vitest'
import { seedConsoleClient } from '../../support/console-client.ts'
import { createTestServer, type TestServer } from '../../support/server.ts'
import { generateTotpCode, PASSWORD } from '../../support/users.ts'

const NEW = '/console/me/second-factor/new'
const PROOF = { 'your-password': PASSWORD }

let server: TestServer
beforeAll(async () => {
  server = await createTestServer()
})
afterAll(() => server.close())

const readSetupKey = (html: string) =>
  /data-copy="([^"]+)" aria-label="Copy the setup key"/.exec(html)?.[1] ?? ''

test('an app that is scanned stays good after a code that was mistyped', async () => {
  const client = await seedConsoleClient(server, 'member')
  const page = await client.get(NEW)
  const pending = page.getFieldValue('pending') ?? ''
  const mistyped = await client.send(NEW, { pending, code: '12345', ...PROOF })
  expect(mistyped.text).toContain('Nothing was changed')
  expect(readSetupKey(mistyped.html)).toBe(readSetupKey(page.html))
  const code = generateTotpCode(readSetupKey(page.html), server.clock())
  const repeat = await client.send(NEW, {
    pending: mistyped.getFieldValue('pending') ?? '',
    code,
    ...PROOF,
  })
  expect(repeat.text).toContain('Your recovery codes')
})

test('a setup that another user started is not continued', async () => {
  const [one, other] = [
    await seedConsoleClient(server, 'member'),
    await seedConsoleClient(server, 'member'),
  ]
  const page = await one.get(NEW)
  const sent = { pending: page.getFieldValue('pending') ?? '', code: '12345', ...PROOF }
  await other.get(NEW)
  expect(readSetupKey((await other.send(NEW, sent)).html)).not.toBe(readSetupKey(page.html))
})
