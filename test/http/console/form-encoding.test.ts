import { afterAll, beforeAll, expect, test } from 'vitest'
import { createTestServer, type TestServer } from '../../support/server.ts'

let server: TestServer
beforeAll(async () => {
  server = await createTestServer()
})
afterAll(() => server.close())

const send = (body: string) =>
  server.call('/console/sign-in', {
    body,
    headers: {
      'Content-Type': 'application/x-www-form-urlencoded',
      'Sec-Fetch-Site': 'same-origin',
    },
  })

test.each(['%ff', '%ed%a0%80', '%c3', '%zz', '%'])(
  'a form whose text is none, %s, is not read',
  async (text) => {
    const answer = await send(`username=mara&password=${text}`)
    expect(answer.status).toBe(400)
    expect(await answer.text()).toContain('The form cannot be read')
  },
)

test('a form of every other text is', async () => {
  const form = new URLSearchParams({ username: 'mara', password: '100% + ü 語 😀 &=%ff' })
  expect((await send(String(form))).status).toBe(401)
})
