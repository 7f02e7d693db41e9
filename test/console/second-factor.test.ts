import { afterAll, beforeAll, expect, test } from 'vitest'
import { someone } from '../support/browsing.ts'
import { codeAt, PASSWORD } from '../support/people.ts'
import { type TestServer, testServer } from '../support/server.ts'

const NEW = '/console/me/second-factor/new'
const PROOF = { 'your-password': PASSWORD }

let server: TestServer
beforeAll(async () => {
  server = await testServer()
})
afterAll(() => server.close())

const keyShownBy = (html: string) =>
  /data-copy="([^"]+)" aria-label="Copy the setup key"/.exec(html)?.[1] ?? ''

test('an app that is scanned stays good after a code that was mistyped', async () => {
  const visitor = await someone(server, 'member')
  const page = await visitor.get(NEW)
  const pending = page.field('pending') ?? ''
  const mistyped = await visitor.send(NEW, { pending, code: '12345', ...PROOF })
  expect(mistyped.text).toContain('That was not done')
  expect(keyShownBy(mistyped.html)).toBe(keyShownBy(page.html))
  const code = codeAt(keyShownBy(page.html), server.clock())
  const again = await visitor.send(NEW, {
    pending: mistyped.field('pending') ?? '',
    code,
    ...PROOF,
  })
  expect(again.text).toContain('Your recovery codes')
})

test('what was begun by somebody else is begun anew', async () => {
  const [one, other] = [await someone(server, 'member'), await someone(server, 'member')]
  const page = await one.get(NEW)
  const sent = { pending: page.field('pending') ?? '', code: '12345', ...PROOF }
  await other.get(NEW)
  expect(keyShownBy((await other.send(NEW, sent)).html)).not.toBe(keyShownBy(page.html))
})
