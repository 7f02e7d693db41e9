import { existsSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { readConfig } from '../../src/config.ts'
import { welcomeOperator } from '../../src/node/welcome.ts'
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

/** What a server without a terminal has written for its first operator. */
const linkFile = (dir: string) => join(dir, 'first-operator-link')

test('without a terminal the link to the first operator is in a file of its owner alone, and in no log', async () => {
  const dir = temporaryFolder()
  const server = await startServer(dir)
  await server.says('first-operator-link')
  const [secret = '', ...more] = secretOf(readFileSync(linkFile(dir), 'utf8'))
  expect(more).toEqual([])
  expect(statSync(linkFile(dir)).mode & 0o777).toBe(0o600)
  const database = await opened(dir)
  got(await database.access.accept(secret, first, from()))
  await database.storage.close()
  await expect.poll(() => existsSync(linkFile(dir)), { timeout: 20_000 }).toBe(false)
  await server.stop()
  expect(server.output()).toContain(linkFile(dir))
  expect(server.output()).not.toContain(secret)
  expect(server.output()).not.toContain('/console/welcome/')

  // A server that was stopped meanwhile has left it there.
  writeFileSync(linkFile(dir), secret)
  const again = await startServer(dir)
  await again.stop()
  expect(again.output()).not.toContain('first-operator-link')
  expect(existsSync(linkFile(dir))).toBe(false)
})

test('a terminal shows the link to the first operator, and no file keeps it', async () => {
  const dir = temporaryFolder()
  const server = await opened(dir)
  let shown = ''
  const write = (text: string) => {
    shown += text
    return true
  }
  const config = readConfig({ LATCHKEY_DATA: dir })
  await welcomeOperator(config, server, server.log, { isTTY: true, write } as never)
  expect(secretOf(shown)).toHaveLength(1)
  expect(shown).toContain('`latchkey console link` prints another')
  expect(existsSync(linkFile(dir))).toBe(false)
  expect(JSON.stringify(server.log.lines)).not.toContain('/console/welcome/')
  await server.close()
})

test('several workers together make one link to the first operator', async () => {
  const dir = temporaryFolder()
  const server = await startServer(dir, {}, ['--workers', '3'])
  await server.says('first-operator-link')
  await server.stop()
  expect(server.output().match(/first-operator-link/g)).toHaveLength(1)
  expect(secretOf(readFileSync(linkFile(dir), 'utf8'))).toHaveLength(1)
})

test('a server without a console makes no link to the first operator', async () => {
  const dir = temporaryFolder()
  const server = await startServer(dir, { LATCHKEY_CONSOLE: 'off' })
  await server.stop()
  expect(existsSync(linkFile(dir))).toBe(false)
})

test('the command line invites the first operator, and others after him', async () => {
  const dir = temporaryFolder()
  const { link, userId, expiresAt } = await ask<Link>(dir, ['console', 'link'])
  expect(userId).toBe(null)
  expect(expiresAt - Date.now()).toBeLessThanOrEqual(HOUR)
  const database = await opened(dir)
  const boss = got(await database.access.accept(secretOf(link)[0] ?? '', first, from()))
  expect(await refused(dir, ['console', 'link'])).toMatchObject({
    code: 1,
    problem: 'conflict',
    message: expect.stringContaining('`latchkey users invite ID` makes a link to a new password'),
  })

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
