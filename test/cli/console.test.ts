import { expect, test } from 'vitest'
import { runStaying } from '../support/cli/staying.ts'
import { from, got, PASSWORD, setUpApp, signIn } from '../support/people.ts'
import { startServer } from '../support/process.ts'
import { temporaryFolder, testServer } from '../support/server.ts'
import { ask, type Row, refused } from './command.ts'

interface Link {
  readonly link: string
  readonly userId: string | null
  readonly expiresAt: number
}

const LINK = /https?:\/\/[^ ]*\/console\/welcome\/(lk_[\w-]{49})/g
const HOUR = 3_600_000
const first = {
  accountName: 'Acme Health',
  email: 'boss@acme.example',
  username: 'boss',
  password: PASSWORD,
}

const secretOf = (text: string) => [...text.matchAll(LINK)].map(([, secret = '']) => secret)

/** The database of a folder, at this moment. */
async function opened(dir: string) {
  const server = await testServer({}, { dir })
  server.clock.set(Date.now())
  return server
}

test('a server prints one link to its first operator, to the terminal and not to its log', async () => {
  const dir = temporaryFolder()
  const server = await startServer(dir)
  await server.says('/console/welcome/')
  const [secret = '', ...more] = secretOf(server.output())
  expect(more).toEqual([])
  expect(server.output()).toContain('`latchkey console link` prints another')
  await server.stop()
  const log = server
    .output()
    .split('\n')
    .filter((line) => line.startsWith('{'))
  expect(log.length).toBeGreaterThan(1)
  expect(log.join()).not.toContain(secret)

  const database = await opened(dir)
  got(await database.access.accept(secret, first, from()))
  await database.storage.close()
  const again = await startServer(dir)
  await again.stop()
  expect(secretOf(again.output())).toEqual([])
})

test('several workers print one link together', async () => {
  const server = await startServer(temporaryFolder(), {}, ['--workers', '3'])
  await server.says('/console/welcome/')
  await server.stop()
  expect(secretOf(server.output())).toHaveLength(1)
})

test('a server without a console prints none', async () => {
  const server = await startServer(temporaryFolder(), { LATCHKEY_CONSOLE: 'off' })
  await server.stop()
  expect(secretOf(server.output())).toEqual([])
})

test('the command line invites the first operator, and others after him', async () => {
  const dir = temporaryFolder()
  const { link, userId, expiresAt } = await ask<Link>(dir, ['console', 'link'])
  expect(userId).toBe(null)
  expect(expiresAt - Date.now()).toBeGreaterThan(71 * HOUR)
  const database = await opened(dir)
  const boss = got(await database.access.accept(secretOf(link)[0] ?? '', first, from()))
  expect(await refused(dir, ['console', 'link'])).toMatchObject({ code: 1, problem: 'conflict' })

  const of = ['--account', boss.accountId, '--email', 'eng@acme.example', '--role', 'engineer']
  const user = await ask(dir, ['users', 'create', ...of])
  expect(await ask<Row>(dir, ['users', 'set-username', user.id, 'eng'])).toMatchObject({
    username: 'eng',
  })
  expect(await refused(dir, ['users', 'set-username', user.id, 'boss'])).toMatchObject({
    problem: 'conflict',
  })
  const { stdout, stderr } = await runStaying(['users', 'invite', user.id], { dir })
  expect(stderr).toContain('It is shown only now.')
  const [secret = ''] = secretOf(stdout)
  database.clock.set(Date.now())
  got(await database.access.accept(secret, { password: PASSWORD }, from()))
  await database.close()
})

test('the command line signs somebody out, and takes a lost second factor away', async () => {
  const dir = temporaryFolder()
  const { link } = await ask<Link>(dir, ['console', 'link'])
  const database = await opened(dir)
  const user = got(await database.access.accept(secretOf(link)[0] ?? '', first, from()))
  const person = { user, accountId: user.accountId, ...first }
  const { secret, signedIn } = await signIn(database, person)
  await setUpApp(database, signedIn)

  expect(await ask(dir, ['users', 'sign-out', user.id])).toMatchObject({ ended: 1 })
  expect(await database.access.sessions.find(secret, 'browser')).toBe(null)
  await ask(dir, ['users', 'reset-second-factor', user.id])
  await signIn(database, person)
  expect(await refused(dir, ['users', 'reset-second-factor', user.id])).toMatchObject({ code: 1 })
  for (const verb of ['invite', 'sign-out', 'reset-second-factor']) {
    expect(await refused(dir, ['users', verb, 'nobody'])).toMatchObject({ problem: 'not_found' })
  }
  await database.close()
})
