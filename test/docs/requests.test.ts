import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { DemoData } from '../../src/demo/seed.ts'
import { createTokenByConsole } from '../support/admin-client.ts'
import { type DemoProcess, startDemo } from '../support/demo-process.ts'
import { DOCUMENTS, isRequest } from './documents.ts'

const run = promisify(execFile)

const PAGES = DOCUMENTS.filter(({ samples }) => samples.some(isRequest))

describe('the requests of the documentation, pasted into a shell', () => {
  let demo: DemoProcess
  let env: Record<string, string>
  beforeAll(async () => {
    demo = await startDemo()
    const { url, redox, xenrad, opendental, xdent, practice, oauth, console } = demo.ready as {
      url: string
      console: { url: string }
    } & DemoData
    env = {
      URL: url,
      KEY: redox.apiKey,
      SECRET: redox.secret,
      XENRAD_KEY: xenrad.apiKey,
      DEVELOPER_KEY: opendental.developerKey,
      PORTAL_KEY: opendental.portalKey,
      CUSTOMER_KEY: opendental.customerKey,
      UNASSIGNED_KEY: opendental.unassignedKey,
      XDENT_KEY: xdent.apiKey,
      PRACTICE_USER: practice.username,
      PRACTICE_KEY: practice.apiKey,
      CLIENT_ID: oauth.clientId,
      CLIENT_SECRET: oauth.clientSecret,
      CONSOLE_URL: console.url,
      API_TOKEN: await createTokenByConsole(console.url, console),
    }
  })
  afterAll(() => demo.stop())

  test.each(PAGES)('get the answers that $file shows', async ({ samples }) => {
    for (const [n, sample] of samples.entries()) {
      const [command, answer] = [sample.text, samples[n + 1]]
      if (!isRequest(sample) || answer === undefined) continue
      const { stdout } = await run('sh', ['-c', command], { env: { ...process.env, ...env } })
      const found = stdout.replaceAll(/\r\n?/g, '\n')
      if (answer.language === 'json') {
        const shown = JSON.parse(answer.text)
        expect(toShownValue(shown, JSON.parse(found)), command).toEqual(shown)
      } else {
        for (const line of answer.text.trim().split('\n')) expect(found, command).toContain(line)
      }
      if (found.startsWith('{"access_token"')) env.TOKEN = JSON.parse(found).access_token
      if (!found.startsWith('{"accessToken"')) continue
      const { accessToken, refreshToken } = JSON.parse(found)
      env.PREVIOUS_REFRESH_TOKEN = env.REFRESH_TOKEN ?? ''
      Object.assign(env, { TOKEN: accessToken, REFRESH_TOKEN: refreshToken })
    }
  })
})

/** Replaces values that differ in each run by those that the README shows. */
function toShownValue(shown: unknown, found: unknown): unknown {
  if (Array.isArray(found)) {
    return found.map((inner, n) => toShownValue(Array.isArray(shown) ? shown[n] : undefined, inner))
  }
  if (typeof found === 'object' && found !== null) {
    const names = (shown ?? {}) as Record<string, unknown>
    const entries = Object.entries(found)
    return Object.fromEntries(
      entries.map(([name, inner]) => [name, toShownValue(names[name], inner)]),
    )
  }
  if (typeof found === 'number' && typeof shown === 'number') return shown
  const varies = typeof shown === 'string' && /…|^\d{4}-\d\d-\d\dT/.test(shown)
  return varies && typeof found === 'string' ? shown : found
}
