import { existsSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { readConfig } from '../../../src/config.ts'
import { offerFirstOperatorLink } from '../../../src/node/cli/first-operator-link.ts'
import { type CliRow, runJson, runJsonError } from '../../support/cli/commands.ts'
import { runWarmCli } from '../../support/cli/warm-cli.ts'
import { startServerProcess } from '../../support/process.ts'
import { createTempFolder, createTestServer, unwrap } from '../../support/server.ts'
import { HOUR_MS } from '../../support/time.ts'
import { createTestCaller, enrollTotpApp, PASSWORD, signInUser } from '../../support/users.ts'

interface Link {
  readonly link: string
  readonly userId: string | null
  readonly expiresAt: string
}

const LINK = /https?:\/\/[^ ]*\/console\/welcome\/(lk_[\w-]{49})/g
const first = {
  accountName: 'Acme Health',
  email: 'boss@acme.example',
  username: 'boss',
  password: PASSWORD,
}

const findLinkSecrets = (text: string) => [...text.matchAll(LINK)].map(([, secret = '']) => secret)

/** The database of a folder, at this moment. */
async function createFirstLink(dir: string) {
  const server = await createTestServer({}, { dir })
  server.clock.set(Date.now())
  return server
}

/** A server without a terminal writes the first operator's link here. */
const linkFilePath = (dir: string) => join(dir, 'first-operator-link')

test('without a terminal the link to the first operator is in a file of its owner alone, and in no log', async () => {
  const dir = createTempFolder()
  const server = await startServerProcess(dir)
  await server.waitForOutput('first-operator-link')
  const [secret = '', ...more] = findLinkSecrets(readFileSync(linkFilePath(dir), 'utf8'))
  expect(more).toEqual([])
  expect(statSync(linkFilePath(dir)).mode & 0o777).toBe(0o600)
  const database = await createFirstLink(dir)
  unwrap(await database.signInServices.acceptInvitation(secret, first, createTestCaller()))
  await database.storage.close()
  await expect.poll(() => existsSync(linkFilePath(dir)), { timeout: 20_000 }).toBe(false)
  await server.stop()
  expect(server.output()).toContain(linkFilePath(dir))
  expect(server.output()).not.toContain(secret)
  expect(server.output()).not.toContain('/console/welcome/')

  // A server that was stopped meanwhile has left it there.
  writeFileSync(linkFilePath(dir), secret)
  const restarted = await startServerProcess(dir)
  await restarted.stop()
  expect(restarted.output()).not.toContain('first-operator-link')
  expect(existsSync(linkFilePath(dir))).toBe(false)
})

test('a terminal shows the link to the first operator, and no file keeps it', async () => {
  const dir = createTempFolder()
  const server = await createFirstLink(dir)
  let printed = ''
  const write = (text: string) => {
    printed += text
    return true
  }
  const config = readConfig({ LATCHKEY_DATA: dir })
  await offerFirstOperatorLink(config, server, server.log, { isTTY: true, write } as never)
  expect(findLinkSecrets(printed)).toHaveLength(1)
  expect(printed).toContain('`latchkey console link` prints another')
  expect(existsSync(linkFilePath(dir))).toBe(false)
  expect(JSON.stringify(server.log.lines)).not.toContain('/console/welcome/')
  await server.close()
})

test('several workers together make one link to the first operator', async () => {
  const dir = createTempFolder()
  const server = await startServerProcess(dir, {}, ['--workers', '3'])
  await server.waitForOutput('first-operator-link')
  await server.stop()
  expect(server.output().match(/first-operator-link/g)).toHaveLength(1)
  expect(findLinkSecrets(readFileSync(linkFilePath(dir), 'utf8'))).toHaveLength(1)
})

test('a server without a console makes no link to the first operator', async () => {
  const dir = createTempFolder()
  const server = await startServerProcess(dir, { LATCHKEY_CONSOLE: 'off' })
  await server.stop()
  expect(existsSync(linkFilePath(dir))).toBe(false)
})

test('the command line invites the first operator, and others later', async () => {
  const dir = createTempFolder()
  const { link, userId, expiresAt } = await runJson<Link>(dir, ['console', 'link'])
  expect(userId).toBe(null)
  expect(Date.parse(expiresAt) - Date.now()).toBeLessThanOrEqual(HOUR_MS)
  const database = await createFirstLink(dir)
  const boss = unwrap(
    await database.signInServices.acceptInvitation(
      findLinkSecrets(link)[0] ?? '',
      first,
      createTestCaller(),
    ),
  )
  expect(await runJsonError(dir, ['console', 'link'])).toMatchObject({
    code: 1,
    problem: 'conflict',
    message: expect.stringContaining('To reset a password, run `latchkey users invite ID`'),
  })

  const of = ['--account', boss.accountId, '--email', 'eng@acme.example', '--role', 'engineer']
  const user = await runJson(dir, ['users', 'create', ...of])
  expect(await runJson<CliRow>(dir, ['users', 'set-username', user.id, 'eng'])).toMatchObject({
    username: 'eng',
  })
  expect(await runJsonError(dir, ['users', 'set-username', user.id, 'boss'])).toMatchObject({
    problem: 'conflict',
  })
  const { stdout, stderr } = await runWarmCli(['users', 'invite', user.id], { dir })
  expect(stderr).toBe(`Keep this. If it is lost, run \`latchkey users invite ${user.id}\`.\n`)
  const [secret = ''] = findLinkSecrets(stdout)
  database.clock.set(Date.now())
  unwrap(
    await database.signInServices.acceptInvitation(
      secret,
      { password: PASSWORD },
      createTestCaller(),
    ),
  )
  await database.close()
})

test('the command line signs a user out, and removes a lost second factor', async () => {
  const dir = createTempFolder()
  const { link } = await runJson<Link>(dir, ['console', 'link'])
  const database = await createFirstLink(dir)
  const user = unwrap(
    await database.signInServices.acceptInvitation(
      findLinkSecrets(link)[0] ?? '',
      first,
      createTestCaller(),
    ),
  )
  const testUser = { user, accountId: user.accountId, ...first }
  const { secret, signedIn } = await signInUser(database, testUser)
  await enrollTotpApp(database, signedIn)

  expect(await runJson(dir, ['users', 'sign-out', user.id])).toMatchObject({ ended: 1 })
  expect(await database.signInServices.sessions.find(secret, 'browser')).toBe(null)
  await runJson(dir, ['users', 'reset-second-factor', user.id])
  await signInUser(database, testUser)
  expect(await runJsonError(dir, ['users', 'reset-second-factor', user.id])).toMatchObject({
    code: 1,
  })
  for (const verb of ['invite', 'sign-out', 'reset-second-factor']) {
    expect(await runJsonError(dir, ['users', verb, 'nobody'])).toMatchObject({
      code: 1,
      problem: 'not_found',
    })
  }
  await database.close()
})
