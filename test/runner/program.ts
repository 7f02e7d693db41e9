import { globSync, mkdirSync, renameSync, rmSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { bundlePrograms } from '../../build.ts'

const CACHE = join(import.meta.dirname, '../../node_modules/.cache')
const FOLDER = join(CACHE, 'programs')
const DAY_MS = 24 * 60 * 60 * 1000

/** The command line as the package has it: it starts on a third of the CPU time of its source. */
export const PROGRAM = join(FOLDER, 'latchkey.mjs')
export const AUDIT_PROGRAM = join(FOLDER, 'latchkey-audit.mjs')

/** Runs before all tests, which start some 500 processes. */
export async function setup(): Promise<void> {
  const draft = join(CACHE, `programs-${process.pid}`)
  await bundlePrograms(draft, {
    latchkey: 'src/node/cli.ts',
    'latchkey-audit': 'test/support/database/audit-process.ts',
  })
  mkdirSync(join(FOLDER, 'parts'), { recursive: true })
  // The programs last, when what they import is there. A run beside this one may still load other parts.
  for (const path of ['parts/*', '*.mjs'].flatMap((files) => globSync(files, { cwd: draft }))) {
    renameSync(join(draft, path), join(FOLDER, path))
  }
  rmSync(draft, { recursive: true })
  for (const part of globSync(join(FOLDER, 'parts/*'))) {
    if (Date.now() - statSync(part).mtimeMs > DAY_MS) rmSync(part)
  }
}
