import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import { exportPKCS8 } from 'jose'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { createClientKeyPair, seedSigningClient } from '../support/oauth.ts'
import { createEnvironment } from '../support/process.ts'
import { type LiveServer, startLiveServer } from '../support/server.ts'
import { findDocument } from './documents.ts'

const run = promisify(execFile)

let server: LiveServer
beforeAll(async () => {
  server = await startLiveServer()
})
afterAll(() => server.close())

test('the program of docs/oauth.md gets a token by its signed assertion', async () => {
  const [sample] = findDocument('docs/oauth.md').samples.filter(({ language }) => language === 'ts')
  const { clientId, pair } = await seedSigningClient(server, {}, [await createClientKeyPair()])
  const env = createEnvironment({
    URL: server.url,
    CLIENT_ID: clientId,
    KEY_ID: pair.kid,
    PRIVATE_KEY: await exportPKCS8(pair.privateKey),
  })
  const args = ['--input-type=module-typescript', '-e', sample?.text ?? '']
  const { stdout } = await run(process.execPath, args, { env })
  expect(stdout).toMatch(/^200 \{/)
  expect(stdout).toContain("token_type: 'Bearer'")
})
