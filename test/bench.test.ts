import { execFile } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, expect, test } from 'vitest'

const folder = mkdtempSync(join(tmpdir(), 'latchkey-test-'))
afterAll(() => rmSync(folder, { recursive: true, force: true }))

test('the bench runs through, and every answer has the status that its case expects', async () => {
  const json = join(folder, 'bench.json')
  const run = new URL('../bench/run.ts', import.meta.url).pathname
  await promisify(execFile)(process.execPath, [run, '--quick', '--json', json])

  const { comparisons } = JSON.parse(readFileSync(json, 'utf8')) as {
    comparisons: { name: string; ratio: number }[]
  }
  expect(comparisons.map(({ name }) => name)).toEqual([
    'authenticate',
    'refresh',
    'guard-refused',
    'endpoint-accepted',
  ])
  for (const { ratio } of comparisons) expect(ratio).toBeGreaterThan(0)
})
