import { expect, test } from 'vitest'
import { readBindings, type WorkerEnv } from '../../src/worker/bindings.ts'
import { createTestRing } from '../support/keyring.ts'
import { startWorkerd, toTestFetcher } from '../support/worker/workerd.ts'

const DB = { withSession: () => ({}) } as unknown as NonNullable<WorkerEnv['DB']>
const createEnv = async (more: object = {}): Promise<WorkerEnv> => ({
  DB,
  LATCHKEY_URL: 'https://latchkey.example/',
  LATCHKEY_KEYRING_JSON: JSON.stringify(await createTestRing()),
  ...more,
})

function listProblems(bindings: WorkerEnv): string[] {
  try {
    readBindings(bindings)
    return []
  } catch (error) {
    return (error as Error).message
      .split('\n')
      .slice(1)
      .map((line) => line.trim())
  }
}

test('bindings are read, and variables of others are ignored', async () => {
  const settings = await createEnv({ OTHER: {}, LATCHKEY_REGION: 'eu' })
  const bound = readBindings(settings)
  expect(bound.publicUrl).toBe('https://latchkey.example')
  expect(bound.config.region).toBe('eu')
  expect(bound.config.messageLimitBytes).toBe(4_194_304)
  expect(bound.ring).toEqual(JSON.parse(settings.LATCHKEY_KEYRING_JSON ?? ''))
  expect(bound.db).toBe(DB)
})

test('the console is off without a host name of its own', async () => {
  expect(readBindings(await createEnv()).config.console).toBeNull()
  const LATCHKEY_CONSOLE_URL = 'https://console.example'
  expect(readBindings(await createEnv({ LATCHKEY_CONSOLE_URL })).config.console).toMatchObject({
    publicUrl: LATCHKEY_CONSOLE_URL,
  })
})

test('every problem is named in one message', () => {
  const found = listProblems({
    LATCHKEY_PORT: '80',
    LATCHKEY_REGOIN: 'eu',
    LATCHKEY_LOG_LEVEL: 'loud',
  })
  expect(found).toEqual([
    'LATCHKEY_PORT cannot be set here: a Worker listens on the routes that wrangler.toml gives it',
    'LATCHKEY_REGOIN is not a setting; did you mean LATCHKEY_REGION?',
    'LATCHKEY_LOG_LEVEL must be debug, info, warn, error or silent',
    'LATCHKEY_KEYRING_JSON: it is missing: `latchkey keyring new` prints one',
    'DB is missing: bind a D1 database by that name',
  ])
})

test.each([
  [{ LATCHKEY_DATA: './data' }, /^LATCHKEY_DATA cannot be set here: a Worker has no folder$/],
  [{ LATCHKEY_DATABASE: 'sqlite:x' }, /^LATCHKEY_DATABASE cannot be set here: .*bound as DB$/],
  [{ LATCHKEY_KEYRING: 'x' }, /^LATCHKEY_KEYRING cannot be set here: .*LATCHKEY_KEYRING_JSON$/],
  [{ LATCHKEY_HOST: '::' }, /^LATCHKEY_HOST cannot be set here/],
  [{ LATCHKEY_URL: '' }, /^LATCHKEY_URL must be set/],
  [{ LATCHKEY_CONSOLE_PORT: '81' }, /^LATCHKEY_CONSOLE_PORT cannot be set here/],
  [{ LATCHKEY_CONSOLE_HOST: '::' }, /^LATCHKEY_CONSOLE_HOST cannot be set here/],
  [
    { LATCHKEY_CONSOLE_URL: 'https://latchkey.example/console' },
    /^LATCHKEY_CONSOLE_URL must have a host name or port of its own/,
  ],
  [
    { LATCHKEY_MESSAGE_LIMIT_BYTES: '4194305' },
    /^LATCHKEY_MESSAGE_LIMIT_BYTES must be at most 4194304 here/,
  ],
  [{ LATCHKEY_WELCOME: 'too short' }, /^LATCHKEY_WELCOME must be 32 to 256 of /],
  [{ LATCHKEY_KEYRING_JSON: '{' }, /^LATCHKEY_KEYRING_JSON: the key ring is not JSON$/],
])('%j is refused with its reason', async (more, reason) => {
  const found = listProblems(await createEnv(more))
  expect(found).toHaveLength(1)
  expect(found[0]).toMatch(reason)
})

test('a damaged key ring is refused, and the error does not contain its text', async () => {
  const ring = await createTestRing()
  const [first, ...keys] = ring.keys
  const damagedRing = { ...ring, keys: [{ ...first, state: 'lost' }, ...keys] }
  const [problem = ''] = listProblems(
    await createEnv({ LATCHKEY_KEYRING_JSON: JSON.stringify(damagedRing) }),
  )
  expect(problem).toContain('damaged')
  for (const { jwk } of ring.keys) expect(problem).not.toContain(String(jwk.d ?? jwk.k))
})

test('a Worker without its bindings responds with 500 and logs every missing one', async () => {
  const bare = await startWorkerd({ bindings: { LATCHKEY_PORT: '80' } }, { schema: [] })
  const answer = await toTestFetcher(await bare.mf.getWorker('server')).fetch(
    'https://latchkey.example/health',
  )
  expect(answer.status).toBe(500)
  expect(await answer.text()).toBe('This server is not set up; its log says why.\n')
  expect(answer.headers.get('x-request-id')).toMatch(/^[\da-f-]{36}$/)
  await expect.poll(() => bare.logLines).toHaveLength(1)
  const errorMessage = JSON.parse(bare.logLines[0] ?? '{}').error.message
  for (const name of ['LATCHKEY_PORT', 'LATCHKEY_URL', 'LATCHKEY_KEYRING_JSON']) {
    expect(errorMessage).toContain(name)
  }
  await bare.dispose()
})
