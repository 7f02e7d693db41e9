import { chmodSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { exportPKCS8 } from 'jose'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { runJson, runJsonError } from '../../support/cli/commands.ts'
import { runWarmCli } from '../../support/cli/warm-cli.ts'
import { seedSigningClient } from '../../support/oauth.ts'
import { runCli } from '../../support/process.ts'
import {
  createTempFolder,
  type LiveServer,
  seedKey,
  startLiveServer,
} from '../../support/server.ts'

let server: LiveServer
beforeAll(async () => {
  server = await startLiveServer()
})
afterAll(() => server.close())

let folder: string
let file: string
beforeEach(() => {
  folder = createTempFolder()
  file = join(folder, 'profiles.json')
})

function writeProfiles(profiles: unknown, mode = 0o600) {
  writeFileSync(file, typeof profiles === 'string' ? profiles : JSON.stringify(profiles), { mode })
}

async function writeLegacyProfile() {
  const { apiKey, secret } = await seedKey(server)
  writeProfiles({ nightly: { url: server.url, credentials: { apiKey, secret } } })
}

describe('latchkey token', () => {
  test('prints a token that works, and the same one the next time', async () => {
    await writeLegacyProfile()
    const args = ['token', '--profile', 'nightly', '--file', file]
    const first = await runWarmCli(args, { dir: folder })
    expect(first).toMatchObject({
      code: 0,
      stderr: '',
      stdout: expect.stringMatching(/^at_\S+\n$/),
    })
    const second = await runJson<{ accessToken: string; expires: string }>(folder, args)
    expect(`${second.accessToken}\n`).toBe(first.stdout)
    const response = await fetch(`${server.url}/endpoint`, {
      method: 'POST',
      headers: { Authorization: `Bearer ${second.accessToken}` },
      body: '{}',
    })
    expect(response.status).toBe(400)
    expect(Date.parse(second.expires)).toBeGreaterThan(Date.now())
    expect(statSync(`${file}.tokens`).mode & 0o777).toBe(0o600)
  })

  test('asks for one token when several processes start at once', async () => {
    await writeLegacyProfile()
    const args = ['token', '--profile', 'nightly', '--file', file]
    const runs = await Promise.all([1, 2, 3].map(() => runCli(args, { dir: folder })))
    expect(runs.map(({ code }) => code)).toEqual([0, 0, 0])
    expect(new Set(runs.map(({ stdout }) => stdout)).size).toBe(1)
  })

  test('replaces a token that a server rejected, once for all jobs of the machine', async () => {
    await writeLegacyProfile()
    const args = ['token', '--profile', 'nightly', '--file', file]
    const print = async (rejected?: string) => {
      const more = rejected === undefined ? [] : ['--rejected-stdin']
      return (await runJson<{ accessToken: string }>(folder, [...args, ...more], rejected))
        .accessToken
    }
    const rejected = await print()
    const renewed = await print(`${rejected}\n`)
    expect(renewed).toMatch(/^at_/)
    expect(renewed).not.toBe(rejected)
    expect(await print(rejected)).toBe(renewed)
    expect(await print()).toBe(renewed)
  })

  test('signs with the private key of a profile', async () => {
    const { clientId, pair } = await seedSigningClient(server)
    const privateKey = await exportPKCS8(pair.privateKey)
    const credentials = { clientId, keyId: pair.kid, privateKey }
    writeProfiles({ feed: { url: server.url, credentials } })
    const { stdout } = await runWarmCli(['token', '--profile', 'feed', '--file', file], {
      dir: folder,
    })
    expect(stdout).toMatch(/^eyJ\S+\n$/)
  })

  test('reads a file that only its owner can read', async () => {
    await writeLegacyProfile()
    chmodSync(file, 0o640)
    const args = ['token', '--profile', 'nightly', '--file', file]
    const { message } = await runJsonError(folder, args)
    expect(message).toContain(`can be read by other users (mode 0640): chmod 600 ${file}`)
  })

  test.each([
    [undefined, 'configuration', 'there is no '],
    ['{"nightly": {"secret": "hidden"', 'configuration', ' is no JSON object of profiles'],
    [{ other: {} }, 'not_found', 'has no profile nightly: it has other'],
    [[], 'configuration', ' is no JSON object of profiles: `latchkey token --help` shows one'],
    [{}, 'not_found', 'has no profile nightly: it has none'],
    [{ nightly: {} }, 'configuration', 'url must be an https URL'],
    [
      { nightly: { url: 'https://a.example', credentials: { apiKey: 'a', sceret: 'hidden' } } },
      'configuration',
      'The credentials have no secret.',
    ],
  ])('explains what is wrong with the file %j', async (profiles, problem, message) => {
    if (profiles !== undefined) writeProfiles(profiles)
    const args = ['token', '--profile', 'nightly', '--file', file]
    const error = await runJsonError(folder, args)
    expect(error).toMatchObject({ problem, message: expect.stringContaining(message) })
    expect(error.message).not.toContain('hidden')
  })

  test('reports that the server refuses a wrong secret, and does not print it', async () => {
    const { apiKey } = await seedKey(server)
    writeProfiles({ nightly: { url: server.url, credentials: { apiKey, secret: 'wr0ng' } } })
    const args = ['token', '--profile', 'nightly', '--file', file]
    const { code, problem, message } = await runJsonError(folder, args)
    expect([code, problem]).toEqual([1, 'failed'])
    expect(message).toContain('refused the credentials with 401. Check the id and the secret')
    expect(message).not.toContain('wr0ng')
  })
})
