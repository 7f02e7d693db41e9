import { afterAll, beforeAll, expect, test } from 'vitest'
import { runJson, runJsonError, runJsonList } from '../../support/cli/commands.ts'
import { runWarmCli } from '../../support/cli/warm-cli.ts'
import { createTempFolder } from '../../support/server.ts'
import { startHttpUpstream } from '../../support/upstream/servers.ts'

const dir = createTempFolder()
const TOKEN = 'agreed-on-with-the-hospital'
let hospital: Awaited<ReturnType<typeof startHttpUpstream>>
let accountId: string
let status = 200

beforeAll(async () => {
  hospital = await startHttpUpstream((_, response) => {
    const { challenge } = JSON.parse(String(hospital.requests.at(-1)?.body))
    response.writeHead(status).end(status === 200 ? challenge : 'no \u001b[2J')
  })
  accountId = (await runJson(dir, ['accounts', 'create', '--name', 'Acme Health'])).id
})
afterAll(() => hospital.close())

const env = { LATCHKEY_DESTINATIONS_ALLOWED: '127.0.0.1' }
const verifyDestination = (id: string, ...more: string[]) =>
  runWarmCli(['destinations', 'verify', id, ...more], { dir, env })

const createDestination = (...more: string[]) =>
  runJson(
    dir,
    ['destinations', 'create', '--account', accountId, '--name', 'EMR', '--development', ...more],
    `${TOKEN}\n`,
  )

test('the token of a destination is read from standard input, sent in the handshake, and never printed', async () => {
  const made = await createDestination('--url', hospital.url, '--token-stdin')
  expect(made).toMatchObject({ hasToken: true, method: 'POST', verifiedAt: null })
  const { code, stdout, stderr } = await verifyDestination(made.id)
  expect([code, stderr]).toEqual([0, ''])
  for (const line of [
    /^verified +yes$/m,
    /^request method +POST$/m,
    /^request url +http:\/\/127\.0\.0\.1:\d+\/$/m,
    /^response status +200$/m,
    /^response challenged +yes$/m,
    /^destination verified at +\d{4}-.*Z$/m,
  ]) {
    expect(stdout).toMatch(line)
  }
  expect(JSON.parse(String(hospital.requests.at(-1)?.body))['verification-token']).toBe(TOKEN)
  const printed = JSON.stringify([made, await runJsonList(dir, ['destinations', 'list']), stdout])
  expect(printed).not.toContain(TOKEN)
  expect(printed).not.toContain('sealed')

  const changed = await runJson(
    dir,
    ['destinations', 'set-token', made.id, '--method', 'GET'],
    'other',
  )
  expect(changed).toMatchObject({ hasToken: true, method: 'GET', verifiedAt: null })
})

test('a handshake without the challenge exits 1, and prints the response without control characters', async () => {
  const { id } = await createDestination('--url', hospital.url)
  status = 403
  const { code, stdout } = await verifyDestination(id)
  expect(code).toBe(1)
  expect(stdout).toMatch(/^verified +no$/m)
  expect(stdout).toMatch(/^response status +403$/m)
  expect(stdout).toMatch(/^response excerpt +no [·\ufffd]\[2J$/m)
  expect(stdout).not.toContain('\u001b')
  const json = await verifyDestination(id, '--json')
  expect(json.code).toBe(1)
  expect(JSON.parse(json.stdout)).toMatchObject({
    verified: false,
    response: { outcome: 'refused', status: 403, challenged: false },
  })
})

test('a forbidden address receives no handshake, and the output names the setting that allows it', async () => {
  const { id } = await createDestination('--url', hospital.url)
  const before = hospital.requests.length
  const { code, stdout } = await runWarmCli(['destinations', 'verify', id], { dir })
  expect(code).toBe(1)
  expect(stdout).toContain('LATCHKEY_DESTINATIONS_ALLOWED does not allow the address of 127.0.0.1')
  expect(hospital.requests).toHaveLength(before)
})

test('the verification of an unknown destination reports that it is not found', async () => {
  const id = '0199aa00-0000-7000-8000-000000000000'
  expect(await runJsonError(dir, ['destinations', 'verify', id])).toEqual({
    code: 1,
    problem: 'not_found',
    message: `there is no destination ${id}`,
  })
})
