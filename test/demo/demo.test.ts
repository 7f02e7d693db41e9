import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { expect, test } from 'vitest'
import { DEMO_DESTINATIONS, type DemoData, type DemoKey } from '../../src/demo/seed.ts'
import { runWarmCli } from '../support/cli/warm-cli.ts'
import { startDemo } from '../support/demo-process.ts'
import { runCli } from '../support/process.ts'
import { createDeviceNewMessage, createTempFolder, type TokenResponse } from '../support/server.ts'

const CLI = fileURLToPath(new URL('../../src/node/cli.ts', import.meta.url))
type Ready = DemoData & {
  url: string
  console: { url: string }
  destination: { url: string; messagesUrl: string; switchUrl: string }
}

const post = (url: string, body: object, token?: string) =>
  fetch(url, {
    method: 'POST',
    headers: {
      'Content-Type': 'application/json',
      ...(token === undefined ? {} : { Authorization: `Bearer ${token}` }),
    },
    body: JSON.stringify(body),
  })

async function authenticateDemoKey(url: string, { apiKey, secret }: DemoKey): Promise<string> {
  const answer = await post(`${url}/auth/authenticate`, { apiKey, secret })
  return ((await answer.json()) as TokenResponse).accessToken
}

test('a signal ends a walk-through at once', async () => {
  const args = [CLI, 'demo', '--once', '--port', '0', '--data', createTempFolder()]
  const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'ignore'] })
  child.stdout.once('data', () => child.kill('SIGTERM')).resume()
  expect(await once(child, 'exit')).toEqual([null, 'SIGTERM'])
})

test('the demo and a server keep out of each other’s folders', async () => {
  const [ofDemo, ofServer] = [createTempFolder(), createTempFolder()]
  writeFileSync(join(ofDemo, 'demo.json'), '{}')
  await runWarmCli(['accounts', 'create', '--name', 'Acme Health'], { dir: ofServer })
  const served = await runCli(['serve'], { dir: ofDemo, env: { LATCHKEY_PORT: '0' } })
  expect([served.code, served.stderr]).toEqual([
    1,
    `the database in ${ofDemo} is the demo's: set LATCHKEY_DATA to another folder, or delete this one\n`,
  ])
  const shown = await runCli(['demo', '--once', '--port', '0', '--data', ofServer], {
    dir: ofServer,
  })
  expect([shown.code, shown.stderr]).toEqual([
    1,
    `${ofServer} belongs to a server: give the demo another folder with --data\n`,
  ])
  const { stdout } = await runWarmCli(['doctor', '--json'], { dir: ofDemo })
  expect(JSON.parse(stdout).items).toContainEqual(
    expect.objectContaining({ status: 'fail', message: expect.stringContaining("is the demo's") }),
  )
  const help = await runWarmCli(['demo', '--help'], { dir: ofDemo })
  expect(help.stdout).toContain('"./data/demo"')
})

// TEST-NET-3 (RFC 5737): no machine has this address.
test.each([
  ['an address of another machine', { LATCHKEY_HOST: '203.0.113.9' }, 'set LATCHKEY_HOST'],
  [
    'a console at an address of another machine',
    { LATCHKEY_CONSOLE_HOST: '203.0.113.9' },
    'set LATCHKEY_CONSOLE_HOST',
  ],
])('a demo with %s ends with an error', async (_, env, remedy) => {
  const dir = createTempFolder()
  const args = ['demo', '--port', '0', '--data', join(dir, 'demo')]
  const { code, stderr } = await runCli(args, { dir, env })
  expect([code, stderr]).toEqual([
    1,
    expect.stringMatching(/^this machine has no address 203\.0\.113\.9: /),
  ])
  expect(stderr).toContain(remedy)
})

test('a demo whose file of secrets is damaged ends with an error', async () => {
  const dir = createTempFolder()
  const data = join(dir, 'demo')
  mkdirSync(data, { mode: 0o700 })
  writeFileSync(join(data, 'demo.json'), '{')
  const { code, stderr } = await runCli(['demo', '--port', '0', '--data', data], { dir })
  expect([code, stderr]).toEqual([1, expect.stringMatching(/demo\.json is damaged: delete/)])
})

test('one line of JSON says that it is ready, and a second start shows the same keys', async () => {
  const dir = createTempFolder()
  const first = await startDemo(dir)
  const { url, destination, ...seeded } = first.ready as Ready
  expect(Object.keys(seeded)).toEqual([
    ...['redox', 'redoxPair', 'xenrad', 'opendental', 'xdent', 'practice', 'oauth', 'console'],
  ])
  expect(Object.keys(seeded.xenrad)).toEqual(['apiKey', 'url'])
  expect(Object.keys(seeded.opendental)).toEqual([
    ...['developerKey', 'portalKey', 'customerKey', 'unassignedKey', 'url'],
  ])
  expect(Object.keys(seeded.xdent)).toEqual(['apiKey', 'url'])
  expect(Object.keys(seeded.practice)).toEqual(['username', 'apiKey', 'url'])
  expect(Object.keys(seeded.console)).toEqual(['username', 'password', 'url'])
  expect(Object.keys(seeded.redox)).toEqual(['apiKey', 'secret', 'sourceId', 'destinationId'])
  expect(seeded.redoxPair.keys).toHaveLength(2)
  expect(seeded.console.url).toMatch(/^http:\/\/127\.0\.0\.1:\d+$/)
  expect(seeded.console.url).not.toBe(url)
  expect(url).toMatch(/^http:\/\/127\.0\.0\.1:\d+$/)
  expect(destination.url).toMatch(/^http:\/\/127\.0\.0\.1:\d+$/)
  expect(destination.messagesUrl).toBe(`${destination.url}/messages`)
  expect(destination.switchUrl).toBe(`${destination.url}/switch`)
  const stopped = await first.stop()
  expect(stopped.code).toBe(0)
  expect(stopped.stdout).toHaveLength(1)

  const second = await startDemo(dir)
  const repeat = second.ready as Ready
  const { destination: _, ...kept } = repeat
  const moved = JSON.stringify({ url, ...seeded })
    .replaceAll(url, repeat.url)
    .replaceAll(seeded.console.url, repeat.console.url)
  expect(kept).toEqual(JSON.parse(moved))
  expect(await authenticateDemoKey(repeat.url, repeat.redox)).toMatch(/^at_/)
  await second.stop()
})

test('what waits for the hospital when the demo ends arrives when it is started again', async () => {
  const dir = createTempFolder()
  const first = await startDemo(dir)
  const { url, redox, destination } = first.ready as Ready
  const fail = await fetch(destination.switchUrl, {
    method: 'POST',
    body: new URLSearchParams({ failing: 'on' }),
  })
  expect(await fail.text()).toContain('It fails')
  const token = await authenticateDemoKey(url, redox)
  const message = createDeviceNewMessage(redox.destinationId, { FacilityCode: 'North' })
  expect((await post(`${url}/endpoint`, message, token)).status).toBe(200)
  await expect
    .poll(() => listArrived(destination))
    .toEqual([
      { answered: 500, eventType: 'New' },
      { answered: 500, eventType: 'New' },
    ])
  await first.stop()

  const second = await startDemo(dir)
  const moved = (second.ready as Ready).destination
  await expect.poll(() => listArrived(moved)).toEqual([{ answered: 200, eventType: 'New' }])
  await second.stop()
})

/** The messages that the hospital tells a script of, the newest first. */
async function listArrived({ messagesUrl }: Ready['destination']) {
  const { arrived } = (await (await fetch(messagesUrl)).json()) as {
    arrived: { kind: string; answered: number; eventType: string }[]
  }
  return arrived
    .filter(({ kind }) => kind === 'message')
    .map(({ answered, eventType }) => ({ answered, eventType }))
}

test("the vendor's samples work as they stand, and a pair must name its source", async () => {
  const demo = await startDemo()
  const { url, redox, redoxPair } = demo.ready as Ready
  const token = await authenticateDemoKey(url, redox)
  for (const [model, event, id] of [
    ['PatientSearch', 'Query', DEMO_DESTINATIONS.patientSearch.id],
    ['Clinical Summary', 'PatientQuery', DEMO_DESTINATIONS.clinicalSummary.id],
  ] as const) {
    const query = { Meta: { DataModel: model, EventType: event, Destinations: [{ ID: id }] } }
    const found = await post(`${url}/query`, query, token)
    expect(found.status).toBe(200)
    const body = (await found.json()) as { Meta: { EventType: string } }
    expect(Object.keys(body).at(-1)).toBe('Meta')
    expect(Object.keys(body).length).toBeGreaterThan(1)
    expect(body.Meta.EventType).toBe(event)
  }

  const [first, second] = redoxPair.keys
  if (first === undefined || second === undefined) throw new Error('the pair is not two')
  const pairToken = await authenticateDemoKey(url, first)
  const send = async (source?: string) => {
    const more = source === undefined ? {} : { Source: { ID: source } }
    const message = createDeviceNewMessage(redoxPair.destinationId, more)
    return (await post(`${url}/endpoint`, message, pairToken)).status
  }
  expect(await send()).toBe(400)
  expect(await send(second.sourceId)).toBe(403)
  expect(await send(first.sourceId)).toBe(200)
  await demo.stop()
})
