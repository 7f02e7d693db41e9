import { execFile, spawnSync } from 'node:child_process'
import { setTimeout as delay } from 'node:timers/promises'
import { promisify } from 'node:util'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { startUpstreams, type UpstreamServers } from '../../../src/demo/local-servers.ts'
import {
  getKeyTypeTraits,
  KEY_TYPE_NAMES,
  type KeyType,
  SURFACES,
} from '../../../src/domain/key-type.ts'
import { SECRET_CLIENT } from '../../support/oauth.ts'
import { type LiveServer, startLiveServer, unwrap } from '../../support/server.ts'
import { seedUser, signInUser } from '../../support/users.ts'

/*
 * Runs the samples of a key's page unchanged against a server with upstreams.
 */

const run = promisify(execFile)
/** An imported id may contain every character that a shell or a string literal gives a meaning. */
const HOSTILE = 'K\'1"$(id)`id`\\'

interface Made {
  readonly id: string
  readonly publicId: string
  readonly secret: string
}

let server: LiveServer
let upstreams: UpstreamServers
let cookie: string
let username: string
const keys = new Map<KeyType, Made>()
beforeAll(async () => {
  upstreams = await startUpstreams()
  const settings = SURFACES.map((surface) => [
    `LATCHKEY_UPSTREAM_${surface.toUpperCase()}`,
    upstreams.urls[surface],
  ])
  server = await startLiveServer(Object.fromEntries(settings))
  const clock = Object.assign(Date.now, { advance() {}, set() {} })
  const services = { ...server, clock }
  const testUser = await seedUser(services)
  const { secret } = await signInUser(services, testUser)
  cookie = `__Host-latchkey=${secret}`
  username = testUser.username
  const { accountId, user } = testUser
  const source = unwrap(await server.sources.add({ accountId, name: 'Nightly' }))
  const site = unwrap(await server.sites.add({ accountId, name: 'Harbor' }))
  const developer = unwrap(await server.developers.add({ accountId, name: 'Maker' }))
  const keyOwners = {
    source: { sourceId: source.id },
    site: { siteId: site.id },
    developer: { developerId: developer.id },
    owner: {},
  }
  for (const keyType of KEY_TYPE_NAMES) {
    const where = keyOwners[getKeyTypeTraits(keyType).belongsTo]
    const publicId = `${HOSTILE}${keyType}`
    const access = keyType === 'opendental' ? ({ access: 'enterprise' } as const) : {}
    const client = keyType === 'oauth' ? { oauthClient: SECRET_CLIENT } : {}
    const input = {
      keyType,
      ownerId: user.id,
      name: keyType,
      publicId,
      ...where,
      ...access,
      ...client,
    }
    const { key, secret } = unwrap(await server.keys.create(input))
    if (keyType === 'opendental') unwrap(await server.keys.assign(key.id, site.id))
    keys.set(keyType, { id: key.id, publicId, secret: secret ?? '' })
  }
})
afterAll(async () => {
  await server?.close()
  upstreams?.close()
})

const getSampleKey = (keyType: KeyType): Made => {
  const key = keys.get(keyType)
  if (key === undefined) throw new Error(`there is no key of ${keyType}`)
  return key
}

/** Returns the text that the copy button of a sample copies. */
async function readSample(keyType: KeyType, language: string): Promise<string> {
  const { id, secret } = getSampleKey(keyType)
  const page = await fetch(`${server.consoleUrl}/console/keys/${id}`, { headers: { cookie } })
  const html = await page.text()
  expect(page.status).toBe(200)
  expect(html).not.toContain(secret)
  const button = new RegExp(`data-copy="([^"]*)" aria-label="Copy the request in ${language}"`)
  const copied = button.exec(html)?.[1]
  if (copied === undefined) throw new Error(`no request in ${language} is offered`)
  const named: Record<string, string> = { lt: '<', gt: '>', quot: '"', '#39': "'", amp: '&' }
  return copied.replace(/&(lt|gt|quot|#39|amp);/g, (whole, name: string) => named[name] ?? whole)
}

/** A text in the response to each sample. */
const ANSWERS: Readonly<Record<KeyType, (key: Made) => string>> = {
  redox: () => '"accessToken":"',
  xenrad: () => '"resourceType":"Bundle"',
  opendental: () => '"LName":"Bixby"',
  'opendental-portal': () => '"CustomerKey":"',
  xdent: ({ publicId }) => `"KeyId":${JSON.stringify(publicId)}`,
  practice: () => `"username":"${username}"`,
  oauth: () => '"access_token":"',
}

const isProgramInstalled = (program: string) => spawnSync(program, ['--version']).status === 0

const LANGUAGES = [
  { language: 'curl', program: 'sh', args: (code: string) => ['-c', code], needs: 'curl' },
  {
    language: 'TypeScript',
    program: process.execPath,
    args: (code: string) => ['--input-type=module-typescript', '-e', code],
    needs: process.execPath,
  },
  {
    language: 'Python',
    program: 'python3',
    args: (code: string) => ['-c', code],
    needs: 'python3',
  },
]

for (const { language, program, args, needs } of LANGUAGES) {
  // A machine need have nothing but npm, so a missing language is skipped.
  const reason = isProgramInstalled(needs) ? '' : ` (skipped: ${needs} is not installed here)`
  describe.skipIf(reason !== '')(`the request in ${language}${reason}`, () => {
    test.each(KEY_TYPE_NAMES)('of %s works unchanged', async (keyType) => {
      const key = getSampleKey(keyType)
      const code = await readSample(keyType, language)
      const env = { ...process.env, LATCHKEY_SECRET: key.secret }
      // The key may be used once in half a second, and the previous language has just used it.
      if (keyType === 'opendental') await delay(600)
      const { stdout, stderr } = await run(program, args(code), { env })
      expect(stdout).toContain(ANSWERS[keyType](key))
      expect(stderr).toBe('')
    })

    test('with a wrong secret prints the response', async () => {
      const code = await readSample('practice', language)
      const env = { ...process.env, LATCHKEY_SECRET: 'not the secret of this key' }
      const { stdout } = await run(program, args(code), { env })
      expect(stdout).toContain('"error"')
    })
  })
}
