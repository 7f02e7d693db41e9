import { execFile } from 'node:child_process'
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { gzipSync } from 'node:zlib'
import { exportPKCS8 } from 'jose'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { bundleClient } from '../../build.ts'
import { seedSigningClient } from '../support/oauth.ts'
import { createEnvironment } from '../support/process.ts'
import { createTempFolder, type LiveServer, seedKey, startLiveServer } from '../support/server.ts'
import { findDocument } from './documents.ts'

const run = promisify(execFile)

const { prose, samples } = findDocument('docs/client.md')
const programs = samples.filter(({ language }) => language === 'ts').map(({ text }) => text)

let server: LiveServer
let bundle: string
let folder: string
beforeAll(async () => {
  server = await startLiveServer()
  bundle = await bundleClient()
  folder = createTempFolder()
  const installed = join(folder, 'node_modules', 'latchkey')
  mkdirSync(installed, { recursive: true })
  writeFileSync(join(installed, 'client.mjs'), bundle)
  const description = { name: 'latchkey', exports: { './client': './client.mjs' } }
  writeFileSync(join(installed, 'package.json'), JSON.stringify(description))
})
afterAll(() => server.close())

describe('the programs of docs/client.md', () => {
  test.each([
    ['a message with a key', 0, /^200 /],
    ['a token by a private key', 1, /^true TokenManager \{\}\n$/],
    ['a token by a key management service', 2, /^true\n$/],
    ['one token for two processes', 3, /^true\n$/],
  ])('get %s', async (_, n, output) => {
    const { apiKey, secret, destinationId } = await seedKey(server)
    const { clientId, pair } = await seedSigningClient(server)
    const env = createEnvironment({
      URL: server.url,
      KEY: apiKey,
      SECRET: secret,
      DESTINATION: destinationId,
      CLIENT_ID: clientId,
      KEY_ID: pair.kid,
      PRIVATE_KEY: await exportPKCS8(pair.privateKey),
    })
    const args = ['--no-warnings', '--input-type=module-typescript', '-e', programs[n] ?? '']
    const { stdout } = await run(process.execPath, args, { env, cwd: folder })
    expect(stdout).toMatch(output)
  })

  test('are all of these', () => {
    expect(programs).toHaveLength(4)
  })
})

test('the client is one file of the documented size, without imports', () => {
  const kilobytes = Math.round(gzipSync(bundle).length / 1000)
  expect(prose).toContain(`(${kilobytes} KB compressed)`)
  expect(bundle).not.toMatch(/\bimport\s*[({*"'`]|\bfrom\s*["']|\brequire\(/)
})
