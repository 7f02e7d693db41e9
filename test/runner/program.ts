import { mkdirSync, renameSync } from 'node:fs'
import { join } from 'node:path'
import { build } from 'esbuild'

const ROOT = join(import.meta.dirname, '../..')
const CACHE = join(ROOT, 'node_modules/.cache')

/** Programs in one file each, by their names modules: Node would parse a `.js` here twice. */
const createPath = (name: string) => join(CACHE, `${name}.mjs`)

/** The command line. A process that runs it starts on half the CPU time of one that runs the source. */
export const PROGRAM = createPath('latchkey')
export const AUDIT_PROGRAM = createPath('latchkey-audit')

/** Runs before all tests, which start some 500 processes. */
export async function setup(): Promise<void> {
  mkdirSync(CACHE, { recursive: true })
  await Promise.all([
    bundle('src/node/cli.ts', PROGRAM),
    bundle('test/support/database/audit-process.ts', AUDIT_PROGRAM),
  ])
}

async function bundle(source: string, target: string): Promise<void> {
  const draft = `${target}.${process.pid}.mjs`
  await build({
    entryPoints: [join(ROOT, source)],
    outfile: draft,
    bundle: true,
    format: 'esm',
    platform: 'node',
    target: 'node24',
    // Native code, and an optional package that is not installed.
    external: ['better-sqlite3', '@node-rs/argon2', 'pg-native'],
    // Packages in CommonJS use these, which a module does not have.
    banner: {
      js:
        "import { createRequire } from 'node:module'; const require = createRequire(import.meta.url), " +
        '__dirname = import.meta.dirname, __filename = import.meta.filename',
    },
    plugins: [
      {
        name: 'http without fetch',
        setup({ onResolve, onLoad }) {
          // An import of `node:http` reads all that it exports, and so loads what `fetch` is made of.
          onResolve({ filter: /^(node:)?https?$/ }, ({ path }) => ({
            path: path.replace(/^(node:)?/, 'node:'),
            namespace: 'builtin',
          }))
          onLoad({ filter: /./, namespace: 'builtin' }, ({ path }) => ({
            contents: `module.exports = process.getBuiltinModule('${path}')`,
          }))
        },
      },
    ],
    // A process reads and decodes the whole file at each start: two and a half million characters of
    // ASCII, which a template literal with others would prevent.
    supported: { 'template-literal': false },
    charset: 'ascii',
    legalComments: 'none',
    minifyWhitespace: true,
    minifySyntax: true,
    logLevel: 'warning',
  })
  renameSync(draft, target)
}
