import { globSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { build, type Metafile } from 'esbuild'

/*
 * `npm run build`: bundles the command line and the library of `exports` into `dist`, with the packages
 * that they use. A file for each is no option: Node takes longer to find and link 600 files than to run
 * them.
 */

const ROOT = import.meta.dirname

/**
 * Bundles programs into a folder, from files of source by the names of their bundles. What they share,
 * and what is imported when it is needed, goes into files of its own. By their names all are modules:
 * Node parses a `.js` twice.
 */
export const bundlePrograms = (folder: string, programs: Readonly<Record<string, string>>) =>
  build({
    absWorkingDir: ROOT,
    entryPoints: programs,
    outdir: folder,
    outExtension: { '.js': '.mjs' },
    chunkNames: 'parts/[name]-[hash]',
    splitting: true,
    bundle: true,
    metafile: true,
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
    // Node reads ASCII faster. A template literal with other characters would prevent it.
    supported: { 'template-literal': false },
    charset: 'ascii',
    legalComments: 'none',
    minifyWhitespace: true,
    minifySyntax: true,
    logLevel: 'warning',
  })

/** Formats the licenses of the bundled packages, which must go with every copy of them. */
function formatLicenses({ inputs }: Metafile): string {
  const folders = Object.keys(inputs).flatMap(
    (input) => /^.*node_modules\/(?:@[^/]+\/)?[^/]+/.exec(input)?.[0] ?? [],
  )
  const licenses = [...new Set(folders)].sort().map((folder) => {
    const read = (name: string) => readFileSync(join(ROOT, folder, name), 'utf8')
    const { name, version, license } = JSON.parse(read('package.json')) as Record<string, string>
    const texts = globSync('{LICENSE,license}*', { cwd: join(ROOT, folder) }).map(read)
    return [`${name} ${version} (${license})`, ...texts].join('\n\n')
  })
  return licenses.join(`\n\n${'-'.repeat(80)}\n\n`)
}

if (import.meta.main) {
  const folder = join(ROOT, 'dist')
  const { metafile } = await bundlePrograms(folder, {
    cli: 'src/node/cli.ts',
    embed: 'src/node/embed.ts',
  })
  writeFileSync(join(folder, 'LICENSES.txt'), formatLicenses(metafile))
}
