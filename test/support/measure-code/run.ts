import { globSync, readFileSync } from 'node:fs'
import { basename, dirname, join, normalize, resolve, sep } from 'node:path'
import { parseArgs } from 'node:util'
import { isBareWord, PLATFORM_NAMES, PRIVATE_FILE_NAMES, PRIVATE_IDENTIFIERS } from './glossary.ts'
import { countModules } from './modules.ts'
import {
  countLines,
  findExports,
  findFunctions,
  findImports,
  parseSource,
  type Source,
} from './source.ts'

/*
 * npm run measure:code [-- --tree DIR [--tree DIR]] [--list] [--json]: measures how the code reads. Two
 * trees, such as a worktree of an older commit and this one, are printed side by side.
 */
const REPOSITORY = join(import.meta.dirname, '../../..')
const LINES_MAX = 400
const LINES_MIN = 20
const QUESTION_COMMENT = /^(?:Who|What|Whether|Where)\b/
const PRONOUN = /\b(?:he|him|his|himself)\b/gi
/** The files that hold the words that are looked for. */
const OWN_FILES = /measure-code/

const { values: options } = parseArgs({
  options: {
    tree: { type: 'string', multiple: true, default: [REPOSITORY] },
    list: { type: 'boolean', default: false },
    json: { type: 'boolean', default: false },
  },
})

interface Measurement {
  /** Figures by what they count. */
  readonly figures: Record<string, number | string>
  readonly folders: Record<string, Record<string, number | string>>
  /** The places behind a figure, by its name. */
  readonly found: Record<string, string[]>
}

/** What npm installs, as for the peers of the bench, is not of this repository. */
const isInstalled = (name: string) => name === 'node_modules'

async function measure(tree: string): Promise<Measurement> {
  const readFolder = (folder: string) =>
    globSync(`${folder}/**/*.{ts,js,css}`, { cwd: tree, exclude: isInstalled })
      .map((path) => path.replaceAll(sep, '/'))
      .filter((path) => !OWN_FILES.test(path))
      .sort()
      .map((path) => parseSource(path, readFileSync(join(tree, path), 'utf8')))
  const src = readFolder('src')
  const all = [...src, ...['test', 'bench', 'support'].flatMap(readFolder)]
  const importers = countImporters(src)
  const functions = src.flatMap((source) =>
    findFunctions(source).map((name) => ({ name, at: `${source.path} ${name}` })),
  )
  const findNamed = (isNamed: (name: string) => boolean) =>
    functions.filter(({ name }) => isNamed(name)).map(({ at }) => at)
  const found = {
    'functions named …Of': findNamed((name) => /^[a-z]\w*Of$/.test(name)),
    'functions named by a bare participle or pronoun': findNamed(isBareWord).filter(
      (place) => !PLATFORM_NAMES.has(place),
    ),
    'comment lines that begin with Who, What, Whether or Where': all.flatMap((source) =>
      source.comments
        .filter((line) => QUESTION_COMMENT.test(line))
        .map((line) => `${source.path} ${line}`),
    ),
    'he, him, his, himself': all.flatMap(({ path, text }) =>
      [...text.matchAll(PRONOUN)].map(([word]) => `${path} ${word}`),
    ),
    'names that more than one file exports': findSharedExports(src),
    'private identifiers of the first version': src.flatMap(({ path, code }) =>
      [...new Set(code.match(/[A-Za-z_$][\w$]*/g))]
        .filter((name) => PRIVATE_IDENTIFIERS.has(name))
        .map((name) => `${path} ${name}`)
        .filter((place) => !PLATFORM_NAMES.has(place)),
    ),
    'private file and folder names of the first version': findPrivatePaths(src),
  }
  const counts = Object.entries(found).map(([name, places]) => [name, places.length] as const)
  const { keysList, consoleKeysLoaded, consoleKeysRun } = await countModules(tree)
  const folders = Map.groupBy(src, ({ path }) => path.split('/')[1] ?? '')
  return {
    figures: {
      ...measureFiles(src, importers),
      functions: functions.length,
      ...Object.fromEntries(counts),
      'files loaded by `latchkey keys list`': keysList,
      'files loaded by a server after its first GET /console/keys': consoleKeysLoaded,
      'files that GET /console/keys runs through': consoleKeysRun,
    },
    folders: Object.fromEntries(
      [...folders]
        .filter(([name]) => !name.includes('.'))
        .map(([name, sources]) => [`src/${name}`, measureFiles(sources, importers)]),
    ),
    found,
  }
}

function measureFiles(sources: readonly Source[], importers: ReadonlyMap<string, Set<string>>) {
  const sizes = sources.map(countLines).sort((one, other) => one - other)
  const imported = sources.filter(({ path }) => importers.get(path)?.size === 1).length
  return {
    files: sizes.length,
    lines: sizes.reduce((sum, size) => sum + size, 0),
    'median lines of a file': sizes[Math.floor(sizes.length / 2)] ?? 0,
    'longest file': sizes.at(-1) ?? 0,
    [`files over ${LINES_MAX} lines`]: sizes.filter((size) => size > LINES_MAX).length,
    [`files under ${LINES_MIN} lines`]: sizes.filter((size) => size < LINES_MIN).length,
    'files with a single importer': `${imported} (${Math.round((100 * imported) / sizes.length)} %)`,
  }
}

/** The files that import each file, by path. */
function countImporters(sources: readonly Source[]): Map<string, Set<string>> {
  const importers = new Map<string, Set<string>>()
  for (const source of sources) {
    for (const specifier of findImports(source)) {
      const path = normalize(join(dirname(source.path), specifier)).replaceAll(sep, '/')
      importers.set(path, (importers.get(path) ?? new Set()).add(source.path))
    }
  }
  return importers
}

function findSharedExports(sources: readonly Source[]): string[] {
  const exporters = new Map<string, string[]>()
  for (const source of sources) {
    for (const name of findExports(source)) {
      exporters.set(name, [...(exporters.get(name) ?? []), source.path])
    }
  }
  return [...exporters]
    .filter(([, paths]) => paths.length > 1)
    .map(([name, paths]) => `${name} ${paths.join(' ')}`)
}

function findPrivatePaths(sources: readonly Source[]): string[] {
  const paths = sources.flatMap(({ path }) => {
    const folders = path.split('/').slice(0, -1)
    return [path, ...folders.map((_, depth) => `${folders.slice(0, depth + 1).join('/')}/`)]
  })
  return [...new Set(paths)].filter((path) =>
    PRIVATE_FILE_NAMES.has(basename(path).replace(/\..*/, '')),
  )
}

function printTable(heads: readonly string[], rows: readonly (readonly (string | number)[])[]) {
  const lines = [heads, heads.map((_, column) => (column === 0 ? '---' : '---:')), ...rows]
  console.log(`${lines.map((cells) => `| ${cells.join(' | ')} |`).join('\n')}\n`)
}

const trees = options.tree.map((tree) => resolve(tree))
const measurements: Measurement[] = []
for (const tree of trees) measurements.push(await measure(tree))
const [first] = measurements
if (options.json) {
  const documents = measurements.map((measurement, n) => ({ tree: trees[n], ...measurement }))
  console.log(JSON.stringify(documents, null, 2))
} else if (first !== undefined) {
  const names = trees.map((tree) => basename(tree))
  const rows = Object.keys(first.figures)
  printTable(
    ['', ...names],
    rows.map((row) => [row, ...measurements.map(({ figures }) => figures[row] ?? '')]),
  )
  for (const [n, { folders, found }] of measurements.entries()) {
    const columns = Object.keys(Object.values(folders)[0] ?? {})
    printTable(
      [names[n] ?? '', ...columns],
      Object.entries(folders).map(([name, figures]) => [name, ...Object.values(figures)]),
    )
    if (!options.list) continue
    for (const [name, places] of Object.entries(found)) {
      console.log([`${name}:`, ...places, ''].join('\n  '))
    }
  }
}
