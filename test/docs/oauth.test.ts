import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { seedSigningClient } from '../support/oauth.ts'
import { createEnvironment } from '../support/process.ts'
import { type LiveServer, startLiveServer } from '../support/server.ts'
import { findDocument } from './documents.ts'

const run = promisify(execFile)

let server: LiveServer
beforeAll(async () => {
  server = await startLiveServer()
})
afterAll(() => server.close())

const runProgram = async (text = '', variables: Readonly<Record<string, string>> = {}) => {
  const args = ['--input-type=module-typescript', '-e', text]
  const { stdout } = await run(process.execPath, args, { env: createEnvironment(variables) })
  return stdout
}

test('the programs of docs/oauth.md make a key pair, and get a token by its signed assertion', async () => {
  const [makeKeyPair, getToken] = findDocument('docs/oauth.md').samples.filter(
    ({ language }) => language === 'ts',
  )
  const [privateLine = '', jwks = ''] = (await runProgram(makeKeyPair?.text)).split('\n')
  const { clientId } = await seedSigningClient(server, { jwks })
  const stdout = await runProgram(getToken?.text, {
    URL: server.url,
    CLIENT_ID: clientId,
    KEY_ID: JSON.parse(jwks).keys[0].kid,
    PRIVATE_KEY: JSON.parse(privateLine).privateKey,
  })
  expect(stdout).toMatch(/^200 \{/)
  expect(stdout).toContain("token_type: 'Bearer'")
})
