import { mkdirSync, renameSync } from 'node:fs'
import { join } from 'node:path'
import { build } from 'esbuild'

const CACHE = join(import.meta.dirname, '../../node_modules/.cache')

/**
 * The command line in one file, by its name a module: Node would parse a `.js` here twice. A process
 * that runs it starts on half the CPU time of one that runs the source.
 */
export const PROGRAM = join(CACHE, 'latchkey.mjs')

/** Runs before all tests, which start some 500 processes. */
export async function setup(): Promise<void> {
  mkdirSync(CACHE, { recursive: true })
  const draft = join(CACHE, `latchkey-${process.pid}.mjs`)
  await build({
    entryPoints: [join(import.meta.dirname, '../../src/node/cli.ts')],
    outfile: draft,
    bundle: true,
    format: 'esm',
    platform: 'node',
    target: 'node24',
    // Native code, and packages that read files of their own.
    external: ['better-sqlite3', '@node-rs/argon2', 'pg', 'pino'],
    // Packages in CommonJS call `require`, which a module does not have.
    banner: {
      js: "import { createRequire } from 'node:module'; const require = createRequire(import.meta.url)",
    },
    // A process reads and decodes the whole file at each start.
    minifyWhitespace: true,
    logLevel: 'warning',
  })
  renameSync(draft, PROGRAM)
}
