import { expect, test } from 'vitest'
import { type Env, readBindings } from '../../src/worker/bindings.ts'
import { testRing } from '../support/ring.ts'

const DB = { withSession: () => ({}) } as unknown as NonNullable<Env['DB']>
const env = async (more: object = {}): Promise<Env> => ({
  DB,
  LATCHKEY_URL: 'https://latchkey.example/',
  LATCHKEY_KEYRING_JSON: JSON.stringify(await testRing()),
  ...more,
})

function problemsOf(bindings: Env): string[] {
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

test('bindings are read; what is not ours is left alone', async () => {
  const given = await env({ OTHER: {}, LATCHKEY_REGION: 'eu' })
  const bound = readBindings(given)
  expect(bound.publicUrl).toBe('https://latchkey.example')
  expect(bound.config.region).toBe('eu')
  expect(bound.config.messageLimitBytes).toBe(1_400_000)
  expect(bound.ring).toEqual(JSON.parse(given.LATCHKEY_KEYRING_JSON ?? ''))
  expect(bound.db).toBe(DB)
})

test('without a host name of its own there is no console', async () => {
  expect(readBindings(await env()).config.console).toBeNull()
  const LATCHKEY_CONSOLE_URL = 'https://console.example'
  expect(readBindings(await env({ LATCHKEY_CONSOLE_URL })).config.console).toMatchObject({
    publicUrl: LATCHKEY_CONSOLE_URL,
  })
})

test('every problem is named in one message', () => {
  const found = problemsOf({
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
    { LATCHKEY_MESSAGE_LIMIT_BYTES: '1400001' },
    /^LATCHKEY_MESSAGE_LIMIT_BYTES must be at most 1400000 here/,
  ],
  [{ LATCHKEY_WELCOME: 'too short' }, /^LATCHKEY_WELCOME must be 32 to 256 of /],
  [{ LATCHKEY_KEYRING_JSON: '{' }, /^LATCHKEY_KEYRING_JSON: the key ring is not JSON$/],
])('%j is refused with its reason', async (more, reason) => {
  const found = problemsOf(await env(more))
  expect(found).toHaveLength(1)
  expect(found[0]).toMatch(reason)
})

test('a damaged key ring is refused without a word of what is in it', async () => {
  const ring = await testRing()
  const [first, ...keys] = ring.keys
  const spoilt = { ...ring, keys: [{ ...first, state: 'lost' }, ...keys] }
  const [problem = ''] = problemsOf(await env({ LATCHKEY_KEYRING_JSON: JSON.stringify(spoilt) }))
  expect(problem).toContain('damaged')
  for (const { jwk } of ring.keys) expect(problem).not.toContain(String(jwk.d ?? jwk.k))
})
