import { globSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { build, type Metafile } from 'esbuild'

/*
 * `npm run build`: bundles the command line and the libraries of `exports` into `dist`, with the packages
 * that they use, because Node takes longer to find and link 600 separate files than to run them.
 */

const ROOT = import.meta.dirname
/** A wish: esbuild breaks lines between tokens only. */
const LINE_LENGTH = 200

/**
 * Bundles programs into a folder. `programs` maps the name of each bundle to its source file. Shared code
 * and dynamic imports get files of their own. Each file ends in `.mjs`, because Node parses a `.js` file
 * twice to find out that it is a module.
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
    // Packages in CommonJS use these names, which a module does not have.
    banner: {
      js:
        "import { createRequire } from 'node:module'; const require = createRequire(import.meta.url), " +
        '__dirname = import.meta.dirname, __filename = import.meta.filename',
    },
    plugins: [
      {
        name: 'http without fetch',
        setup({ onResolve, onLoad }) {
          // `import` of `node:http` reads each of its exports, some of which load the modules of `fetch`.
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
    // Node reads ASCII files faster. esbuild escapes other characters, except in template literals.
    supported: { 'template-literal': false },
    charset: 'ascii',
    legalComments: 'none',
    minifyWhitespace: true,
    minifySyntax: true,
    // Node shows the line of an error that nobody catches.
    lineLimit: LINE_LENGTH,
    logLevel: 'warning',
  })

/**
 * Bundles `latchkey/client` into one file without imports, which runs on Node 20 or later, in browsers, on
 * Workers, Deno and Bun. Returns its text.
 */
export async function bundleClient(): Promise<string> {
  const { outputFiles } = await build({
    absWorkingDir: ROOT,
    entryPoints: ['src/client/client.ts'],
    bundle: true,
    write: false,
    format: 'esm',
    platform: 'neutral',
    target: 'es2022',
    minify: true,
    // Errors and logs show the names of classes.
    keepNames: true,
    lineLimit: LINE_LENGTH,
    logLevel: 'warning',
  })
  return outputFiles[0]?.text ?? ''
}

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
  writeFileSync(join(folder, 'client.mjs'), await bundleClient())
  writeFileSync(join(folder, 'LICENSES.txt'), formatLicenses(metafile))
}
