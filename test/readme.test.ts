import { execFile } from 'node:child_process'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { promisify } from 'node:util'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { DemoData } from '../src/demo/seed.ts'
import { SECRET_PATTERN } from '../src/domain/secret.ts'
import { SETTINGS } from '../src/settings.ts'
import { createTokenByConsole } from './support/admin-client.ts'
import { type DemoProcess, startDemo } from './support/demo-process.ts'

const readme = readFileSync(new URL('../README.md', import.meta.url), 'utf8')
const run = promisify(execFile)

test('the README names every setting, its default and its meaning, and no other', () => {
  const rows = Object.entries(SETTINGS).map(
    ([name, { default: value, help }]) =>
      `| \`${name}\` | ${value === '' ? '' : `\`${value}\``} | ${help} |`,
  )
  const readmeRows = readme.split('\n').filter((line) => line.startsWith('| `LATCHKEY_'))
  expect(readmeRows).toEqual(rows)
})

test('what a scanner is to look for finds every secret that is made here', () => {
  expect(readme).toContain(`\`${SECRET_PATTERN.source}\``)
})

test('every file that the README points to is there', () => {
  const links = [...readme.matchAll(/\]\(([^)#]+)\)/g)].map(([, path]) => path ?? '')
  const tests = [...readme.matchAll(/`(test\/[\w./-]+)`/g)].map(([, path]) => path ?? '')
  for (const path of [...links, ...tests]) {
    expect(existsSync(new URL(`../${path}`, import.meta.url)), path).toBe(true)
  }
})

test('the drawing of the house names every room', () => {
  for (const entry of readdirSync(new URL('../src', import.meta.url), { withFileTypes: true })) {
    if (entry.name === 'tsconfig.json') continue
    expect(readme).toContain(entry.isDirectory() ? `${entry.name}/` : entry.name)
  }
})

describe('the requests of the README, pasted into a shell', () => {
  let demo: DemoProcess
  let env: Record<string, string>
  beforeAll(async () => {
    demo = await startDemo()
    const { url, redox, xenrad, opendental, xdent, practice, console } = demo.ready as {
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
      CONSOLE_URL: console.url,
      API_TOKEN: await createTokenByConsole(console.url, console),
    }
  })
  afterAll(() => demo.stop())

  test('answer as the README says', async () => {
    let answered = 0
    for (const [, command = '', language, answer = ''] of listSamples()) {
      const { stdout } = await run('sh', ['-c', command], { env: { ...process.env, ...env } })
      const found = stdout.replaceAll(/\r\n?/g, '\n')
      if (language === 'json') {
        expect(toShownValue(JSON.parse(answer), JSON.parse(found)), command).toEqual(
          JSON.parse(answer),
        )
      } else {
        for (const line of answer.trim().split('\n')) expect(found, command).toContain(line)
      }
      const tokens = found.startsWith('{"accessToken"') ? JSON.parse(found) : null
      if (tokens) env = { ...env, TOKEN: tokens.accessToken, REFRESH_TOKEN: tokens.refreshToken }
      answered++
    }
    expect(answered).toBe(18)
  })
})

/** A block of shell, and the block of its answer after it. */
const listSamples = () => readme.matchAll(/```sh\n(curl [^`]*)```\n```(json|http|hl7)\n([^`]*)```/g)

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
