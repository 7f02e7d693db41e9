import { readdirSync, readFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { createTempFolder } from '../support/server.ts'
import { buildWorker } from '../support/worker/bundle.ts'

const folder = createTempFolder()
let bundle: string
beforeAll(async () => {
  await buildWorker(folder)
  bundle = readFileSync(join(folder, 'main.js'), 'utf8')
})
afterAll(() => rmSync(folder, { recursive: true }))

test('the bundle imports its WebAssembly and the runtime, and nothing of Node', () => {
  expect(readdirSync(folder).sort()).toEqual(['argon2.wasm', 'main.js'])
  const imports = [...bundle.matchAll(/^import .*?["']([^"']+)["'];?$/gm)].map(([, name]) => name)
  expect(new Set(imports)).toEqual(new Set(['./argon2.wasm', 'cloudflare:workers']))
  expect(bundle).not.toMatch(/\b(?:require|import)\(\s*["']|from ["']node:/)
})

test('the bundle carries no native module and no command line', () => {
  for (const name of ['better-sqlite3', '@node-rs/argon2', 'commander', '@hono/node-server']) {
    expect(bundle).not.toContain(`node_modules/${name}/`)
  }
})

test('wrangler.toml asks for no compatibility flag', () => {
  const toml = readFileSync(join(import.meta.dirname, '../../wrangler.toml'), 'utf8')
  expect(toml).not.toMatch(/^compatibility_flags/m)
  expect(toml).toContain('main = "dist/worker/main.js"')
})
