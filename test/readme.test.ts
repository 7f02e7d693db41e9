import { execFile } from 'node:child_process'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { promisify } from 'node:util'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { SETTINGS } from '../src/config.ts'
import type { Seeded } from '../src/node/demo/seed.ts'
import { type DemoProcess, startDemo } from './support/demo.ts'

const readme = readFileSync(new URL('../README.md', import.meta.url), 'utf8')
const run = promisify(execFile)

test('the README names every setting, its default and its meaning, and no other', () => {
  const rows = Object.entries(SETTINGS).map(
    ([name, { default: value, help }]) =>
      `| \`${name}\` | ${value === '' ? '' : `\`${value}\``} | ${help} |`,
  )
  const written = readme.split('\n').filter((line) => line.startsWith('| `LATCHKEY_'))
  expect(written).toEqual(rows)
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
    const { url, redox } = demo.ready as { url: string } & Seeded
    env = { URL: url, KEY: redox.apiKey, SECRET: redox.secret }
  })
  afterAll(() => demo.stop())

  test('answer as the README says', async () => {
    let answered = 0
    for (const [, command = '', , answer = ''] of samples()) {
      const { stdout } = await run('sh', ['-c', command], { env: { ...process.env, ...env } })
      const found = stdout.replaceAll('\r', '')
      if (answer.startsWith('{')) {
        expect(shape(JSON.parse(found))).toEqual(shape(JSON.parse(answer)))
      } else {
        for (const line of answer.trim().split('\n')) expect(found).toContain(line)
      }
      const tokens = found.startsWith('{"accessToken"') ? JSON.parse(found) : null
      if (tokens) env = { ...env, TOKEN: tokens.accessToken, REFRESH_TOKEN: tokens.refreshToken }
      answered++
    }
    expect(answered).toBe(5)
  })
})

/** A block of shell, and the block of its answer after it. */
const samples = () => readme.matchAll(/```sh\n(curl [^`]*)```\n```(json|http)\n([^`]*)```/g)

/** Ids, instants and tokens differ at every run: what must agree is every name and every plain word. */
function shape(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(shape)
  if (typeof value === 'object' && value !== null) {
    return Object.entries(value).map(([name, inner]) => [name, shape(inner)])
  }
  if (typeof value === 'number') return 0
  const text = String(value)
  return /^(ey|rt_|\d{4}-\d\d-\d\dT)|^…$|^[0-9a-f]{8}-[0-9a-f]{4}-7/.test(text) ? '…' : text
}
