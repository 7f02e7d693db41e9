import { execFile } from 'node:child_process'
import { globSync } from 'node:fs'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { describe, expect, test } from 'vitest'
import {
  findExports,
  findFunctions,
  findImports,
  parseSource,
} from './support/measure-code/source.ts'

const ROOT = join(import.meta.dirname, '..')
const RUN = join(ROOT, 'test/support/measure-code/run.ts')

interface Measurement {
  readonly figures: Readonly<Record<string, number>>
  readonly folders: Readonly<Record<string, Readonly<Record<string, number>>>>
}

test('the measurement of this repository counts its files, and the files that two programs load', async () => {
  const { stdout } = await promisify(execFile)(process.execPath, [RUN, '--json'])
  const [measured] = JSON.parse(stdout) as Measurement[]
  if (measured === undefined) throw new Error('nothing was measured')
  const { figures, folders } = measured
  const files = globSync('src/**/*.{ts,js,css}', { cwd: ROOT }).length
  expect(figures.files).toBe(files)
  expect(figures.lines).toBeGreaterThan(files * 20)
  expect(figures.functions).toBeGreaterThan(files)
  expect(Object.keys(folders)).toContain('src/domain')
  const keysList = figures['files loaded by `latchkey keys list`'] ?? 0
  const loaded = figures['files loaded by a server after its first GET /console/keys'] ?? 0
  const ran = figures['files that GET /console/keys runs through'] ?? 0
  expect(keysList).toBeGreaterThan(20)
  expect(keysList).toBeLessThan(files)
  expect(ran).toBeGreaterThan(10)
  expect(ran).toBeLessThan(loaded)
  expect(loaded).toBeLessThan(files)
})

describe('a source file', () => {
  const text = [
    '// Where it is.',
    "import { a } from './a.ts'",
    "const load = async () => import('./b.ts')",
    'export const quote = /[\'"`/]/g',
    'export function half(n: number): string {',
    "  return `// §{n / 2} { function no() {} §{'`'} /* §{`§{n}`}` // end",
    '}',
    'export interface Store {',
    '  read(id: string): void',
    '  readonly now: () => number',
    '  name: string',
    '}',
  ]
    .join('\n')
    .replaceAll('§', '$')
  const source = parseSource('x.ts', text)

  test('has the comments that are not in strings', () => {
    expect(source.comments).toEqual(['Where it is.', 'end'])
  })

  test('has the functions, exports and imports that are not in strings', () => {
    expect(new Set(findFunctions(source))).toEqual(new Set(['load', 'half', 'read', 'now']))
    expect([...findExports(source)]).toEqual(['quote', 'half', 'Store'])
    expect(findImports(source)).toEqual(['./a.ts', './b.ts'])
  })
})
