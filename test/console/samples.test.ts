import { execFile, spawnSync } from 'node:child_process'
import { setTimeout as delay } from 'node:timers/promises'
import { promisify } from 'node:util'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { DIALECT_NAMES, type Dialect, traitsOf } from '../../src/domain/dialect.ts'
import { SURFACES } from '../../src/domain/surface.ts'
import { openUpstreams, type Upstreams } from '../../src/node/demo/upstreams/open.ts'
import { type LiveServer, startLive } from '../support/live.ts'
import { seedPerson, signIn } from '../support/people.ts'
import { done } from '../support/server.ts'

/*
 * What a key's page offers to paste is run as it stands, against a server with what stands behind it.
 */

const run = promisify(execFile)
/** An id as another system may have issued it: everything that a shell or a string would take amiss. */
const HOSTILE = 'K\'1"$(id)`id`\\'

interface Made {
  readonly id: string
  readonly publicId: string
  readonly secret: string
}

let server: LiveServer
let upstreams: Upstreams
let cookie: string
let username: string
const keys = new Map<Dialect, Made>()
beforeAll(async () => {
  upstreams = await openUpstreams()
  const settings = SURFACES.map((surface) => [
    `LATCHKEY_UPSTREAM_${surface.toUpperCase()}`,
    upstreams.urls[surface],
  ])
  server = await startLive(Object.fromEntries(settings))
  const clock = Object.assign(Date.now, { turn() {}, set() {} })
  const services = { ...server, clock }
  const person = await seedPerson(services)
  const { secret } = await signIn(services, person)
  cookie = `__Host-latchkey=${secret}`
  username = person.username
  const { accountId, user } = person
  const source = done(await server.routes.addSource({ accountId, name: 'Nightly' }))
  const site = done(await server.places.addSite({ accountId, name: 'Harbor' }))
  const developer = done(await server.places.addDeveloper({ accountId, name: 'Maker' }))
  const place = {
    source: { sourceId: source.id },
    site: { siteId: site.id },
    developer: { developerId: developer.id },
    owner: {},
  }
  for (const dialect of DIALECT_NAMES) {
    const where = place[traitsOf(dialect).belongsTo]
    const publicId = `${HOSTILE}${dialect}`
    const access = dialect === 'opendental' ? ({ access: 'enterprise' } as const) : {}
    const wish = { dialect, ownerId: user.id, name: dialect, publicId, ...where, ...access }
    const { key, secret } = done(await server.keys.create(wish))
    if (dialect === 'opendental') done(await server.keys.assign(key.id, site.id))
    keys.set(dialect, { id: key.id, publicId, secret })
  }
})
afterAll(async () => {
  await server?.close()
  upstreams?.close()
})

const keyOf = (dialect: Dialect): Made => {
  const key = keys.get(dialect)
  if (key === undefined) throw new Error(`there is no key of ${dialect}`)
  return key
}

/** What the button beside a sample copies. */
async function sampleOf(dialect: Dialect, language: string): Promise<string> {
  const { id, secret } = keyOf(dialect)
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

/** What its first answer says, beside its being one. */
const ANSWERS: Readonly<Record<Dialect, (key: Made) => string>> = {
  redox: () => '"accessToken":"',
  xenrad: () => '"resourceType":"Bundle"',
  opendental: () => '"LName":"Bixby"',
  'opendental-portal': () => '"CustomerKey":"',
  xdent: ({ publicId }) => `"KeyId":${JSON.stringify(publicId)}`,
  practice: () => `"username":"${username}"`,
}

const isThere = (program: string) => spawnSync(program, ['--version']).status === 0

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
  // Nothing but npm is asked of a machine: what it does not have is not run on it.
  const reason = isThere(needs) ? '' : ` (skipped: ${needs} is not installed here)`
  describe.skipIf(reason !== '')(`the request in ${language}${reason}`, () => {
    test.each(DIALECT_NAMES)('of %s is answered as it stands', async (dialect) => {
      const key = keyOf(dialect)
      const code = await sampleOf(dialect, language)
      const env = { ...process.env, LATCHKEY_SECRET: key.secret }
      // Such a key may be used once in half a second, and the language before has used it.
      if (dialect === 'opendental') await delay(600)
      const { stdout, stderr } = await run(program, args(code), { env })
      expect(stdout).toContain(ANSWERS[dialect](key))
      expect(stderr).toBe('')
    })

    test('with a wrong secret tells what the server answered', async () => {
      const code = await sampleOf('practice', language)
      const env = { ...process.env, LATCHKEY_SECRET: 'not the secret of this key' }
      const { stdout } = await run(program, args(code), { env })
      expect(stdout).toContain('"error"')
    })
  })
}
