import { execFile } from 'node:child_process'
import { existsSync, readdirSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { DemoData } from '../../src/demo/seed.ts'
import { SECRET_PATTERN } from '../../src/domain/secret.ts'
import { createTokenByConsole } from '../support/admin-client.ts'
import { type DemoProcess, startDemo } from '../support/demo-process.ts'
import { DOC_PAGES, listSamples, ROOT, readPage, UNTESTED_SAMPLES } from '../support/doc-samples.ts'

const run = promisify(execFile)

test('the README is at most 8 KB, and shows the pattern of the secrets made here', () => {
  expect(Buffer.byteLength(readPage('README.md'))).toBeLessThanOrEqual(8192)
  expect(readPage('README.md')).toContain(`\`${SECRET_PATTERN.source}\``)
})

test.each(DOC_PAGES)('each link and each test that %s names exists', (page) => {
  const text = readPage(page).replaceAll(/^```.*\n[\s\S]*?^```$/gm, '')
  for (const [, target = ''] of text.matchAll(/\]\(([^)]+)\)/g)) {
    if (/^https?:/.test(target)) continue
    const [file = '', anchor] = target.split('#')
    const path = file === '' ? page : join(dirname(page), file)
    expect(existsSync(join(ROOT, path)), `${page}: ${target}`).toBe(true)
    if (anchor !== undefined) expect(listAnchors(path), `${page}: ${target}`).toContain(anchor)
  }
  for (const [, path = ''] of text.matchAll(/`(test\/[\w./-]+)`/g)) {
    expect(existsSync(join(ROOT, path)), path).toBe(true)
  }
})

const listAnchors = (page: string) =>
  [...readPage(page).matchAll(/^#+ (.*)$/gm)].map(([, title = '']) =>
    title
      .toLowerCase()
      .replaceAll(/[^\w\- ]/g, '')
      .replaceAll(' ', '-'),
  )

test('the drawing of the architecture names every folder of src', () => {
  for (const entry of readdirSync(join(ROOT, 'src'), { withFileTypes: true })) {
    if (entry.name === 'tsconfig.json') continue
    expect(readPage('docs/architecture.md')).toContain(
      entry.isDirectory() ? `${entry.name}/` : entry.name,
    )
  }
})

test('each sample runs in a test, or is listed with a reason', () => {
  for (const { page, language, text } of DOC_PAGES.flatMap(listSamples)) {
    const isTested =
      ['json', 'http', 'hl7', 'text'].includes(language) ||
      language.endsWith(' forward-auth') ||
      (language === 'sh' &&
        (/^(curl|latchkey|LATCHKEY_|npm run) /m.test(text) || /^LATCHKEY_/.test(text)))
    const reason = UNTESTED_SAMPLES[`${page} ${language}`]
    expect(isTested || reason !== undefined, `${page}: ${language}\n${text}`).toBe(true)
  }
})

describe('the requests of the pages, pasted into a shell', () => {
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

  test('answer as the pages say', async () => {
    let answered = 0
    for (const [, command = '', language, answer = ''] of listRequests()) {
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
    expect(answered).toBe(20)
  })
})

/** Each block of a request, and the block of its response after it. */
const listRequests = () =>
  DOC_PAGES.flatMap((page) => [
    ...readPage(page).matchAll(/```sh\n(curl [^`]*)```\n```(json|http|hl7)\n([^`]*)```/g),
  ])

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
