import { renameSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { bundlePrograms } from '../../build.ts'

const FOLDER = join(import.meta.dirname, '../../node_modules/.cache')
const PROGRAMS = {
  latchkey: 'src/node/cli.ts',
  'latchkey-audit': 'test/support/database/audit-process.ts',
}

const getPath = (name: keyof typeof PROGRAMS, folder = FOLDER) => join(folder, `${name}.mjs`)

/** The command line. A process that runs it starts on half the CPU time of one that runs the source. */
export const PROGRAM = getPath('latchkey')
export const AUDIT_PROGRAM = getPath('latchkey-audit')

/** Runs before all tests, which start some 500 processes. */
export async function setup(): Promise<void> {
  const draftFolder = join(FOLDER, `programs-${process.pid}`)
  await bundlePrograms(draftFolder, { programs: PROGRAMS })
  // One file each: a run beside this one may be starting it.
  for (const name of ['latchkey', 'latchkey-audit'] as const) {
    renameSync(getPath(name, draftFolder), getPath(name))
  }
  rmSync(draftFolder, { recursive: true })
}
