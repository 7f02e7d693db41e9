import { afterAll, beforeAll, expect, test } from 'vitest'
import { seedEveryDialect } from '../support/every-dialect.ts'
import { apiKey, type Holder, seedHolder } from '../support/holder.ts'
import { ownAnswer, seen, seenButId } from '../support/seen.ts'
import { done, type TestServer, testServer } from '../support/server.ts'

let server: TestServer
beforeAll(async () => {
  server = await testServer({ LATCHKEY_FAILURES_PER_ADDRESS: '1000000' })
})
afterAll(() => server.close())

const PATHS = ['/api/v1/Identity', '/api/v1/Patients']
const get = (path: string, headers: Record<string, string>) =>
  server.call(path, { method: 'GET', headers })

const INVALID = ownAnswer(401, {
  Code: 'INVALID_API_KEY',
  Message: 'The key does not exist or is invalid (expected KeyId.Secret).',
})

async function isInvalid(what: string, value: string) {
  for (const path of PATHS) {
    const answer = await seen(await get(path, { 'X-Api-Key': value }))
    expect([what, path, answer]).toEqual([what, path, INVALID])
  }
}

test('a key of any other dialect is no key here, whichever part of it is offered', async () => {
  const { keys, username, developerKey } = await seedEveryDialect(server)
  const xdent = keys.find(({ dialect }) => dialect === 'xdent')
  expect(keys).toHaveLength(6)
  for (const { dialect, publicId, secret } of keys) {
    await isInvalid(`${dialect}: the secret alone`, secret)
    await isInvalid(`${dialect}: the secret as the KeyId`, `${secret}.${secret}`)
    await isInvalid(`${dialect}: under a username`, `${username}.${secret}`)
    await isInvalid(`${dialect}: under a developer key`, `${developerKey}/${secret}`)
    if (dialect === 'xdent') continue
    await isInvalid(`${dialect}: id and secret`, `${publicId}.${secret}`)
    await isInvalid(`${dialect}: the id alone`, publicId)
    await isInvalid(`${dialect}: the id with another’s secret`, `${publicId}.${xdent?.secret}`)
  }
})

test('a key of another region, or one that was deleted, reads as one that never was', async () => {
  const foreign = await seedHolder(server, 'xdent', { region: 'eu' })
  const gone = await seedHolder(server, 'xdent')
  done(await server.keys.remove(gone.keyId))
  for (const { publicId, secret } of [foreign, gone]) {
    await isInvalid('with its secret', `${publicId}.${secret}`)
    await isInvalid('with another secret', `${publicId}.lk_wrong`)
    await isInvalid('without its secret', publicId)
  }
})

/** All that can be wrong with a key, its company or its caller. */
const spoilt: [string, (holder: Holder) => unknown][] = [
  ['nothing', () => undefined],
  ['disabled', async ({ keyId }) => done(await server.keys.disable(keyId))],
  ['revoked', async ({ keyId }) => done(await server.keys.revoke(keyId))],
  [
    'of a closed company',
    async ({ accountId }) => done(await server.accounts.setStatus(accountId, 'closed')),
  ],
  [
    'of a company that enforces other addresses',
    async ({ accountId }) => {
      done(await server.places.addAddress({ accountId, network: '198.51.100.1' }))
      done(await server.places.enforceAddresses(accountId, true))
    },
  ],
  [
    'with a secret before it',
    async ({ keyId }) => done(await server.keys.rotateSecret(keyId, { overlapMs: 60_000 })),
  ],
  [
    'whose owner has left',
    async ({ accountId, ownerId }) => {
      done(await server.accounts.setDepartedKeys(accountId, 'disable'))
      done(await server.accounts.leave(ownerId))
    },
  ],
]

test.each(spoilt)(
  'who does not hold the secret is not told what is wrong: %s',
  async (_, spoil) => {
    const good = await seedHolder(server, 'xdent')
    const bad = await seedHolder(server, 'xdent')
    await spoil(bad)
    const wrongs = [good.secret, 'lk_wrong', `${bad.secret}A`, bad.secret.slice(0, -1), '.']
    for (const path of PATHS) {
      const wrong = await seenButId(await get(path, apiKey(good.publicId, bad.secret)))
      expect(wrong.status).toBe(401)
      for (const secret of wrongs) {
        expect(await seenButId(await get(path, apiKey(bad.publicId, secret)))).toEqual(wrong)
      }
      const alone = await seenButId(await get(path, { 'X-Api-Key': good.publicId }))
      expect(await seenButId(await get(path, { 'X-Api-Key': bad.publicId }))).toEqual(alone)
    }
  },
)

test('no answer and no line of the log has a secret in it', async () => {
  const { publicId, secret, keyId } = await seedHolder(server, 'xdent')
  done(await server.keys.disable(keyId))
  const tried = [apiKey(publicId, secret), apiKey('nobody', secret), { 'X-Api-Key': secret }]
  for (const headers of tried) {
    for (const path of PATHS) {
      const { headers: answered, body } = await seen(await get(path, headers))
      expect(JSON.stringify([answered, body])).not.toContain(secret)
    }
  }
  expect(JSON.stringify(server.log.lines)).not.toContain(secret)
})
