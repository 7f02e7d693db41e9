import { spawnSync } from 'node:child_process'
import { existsSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { readConfig } from '../../src/config.ts'
import { SECRET_PATTERN } from '../../src/domain/secret.ts'
import { createTempFolder } from '../support/server.ts'
import {
  DOCUMENTS,
  findDocument,
  findLatchkeyArguments,
  isRequest,
  listShellLines,
  PROXY_LANGUAGES,
  type Sample,
  SCRIPT_PAGE,
} from './documents.ts'
import { SAMPLES_NOT_RUN } from './samples-not-run.ts'

const ROOT = join(import.meta.dirname, '../..')
const README_LIMIT_BYTES = 8192
const IMAGE_LIMIT_BYTES = 150_000
/** Made by `npm run update:published`, and compared by test/published.test.ts. */
const GENERATED_PAGES = ['docs/cli.md']

test('the README has at most 8 KB', () => {
  expect(statSync(join(ROOT, 'README.md')).size).toBeLessThanOrEqual(README_LIMIT_BYTES)
})

test('each picture of the documentation has less than 150 KB', () => {
  for (const name of readdirSync(join(ROOT, 'docs/images'))) {
    expect(statSync(join(ROOT, 'docs/images', name)).size, name).toBeLessThan(IMAGE_LIMIT_BYTES)
  }
})

/** The anchor that a heading gets on the pages of the repository. */
const toAnchor = (heading: string) =>
  heading
    .toLowerCase()
    .replaceAll(/[^\p{L}\p{N}\s_-]/gu, '')
    .replaceAll(/\s/g, '-')

/** Every document is in the package, which has neither the sources nor the tests. */
const { files: PACKED } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')) as {
  files: string[]
}
const isPacked = (path: string) =>
  PACKED.some((packed) => path === packed || path.startsWith(`${packed}/`))

describe('each link of', () => {
  test.each(DOCUMENTS)(
    '$file leads to a file of the package and an anchor that exist',
    ({ file, prose }) => {
      expect(isPacked(file), file).toBe(true)
      for (const [, target = ''] of prose.matchAll(/\]\(([^)]+)\)/g)) {
        if (/^[a-z]+:/.test(target)) continue
        const [path = '', anchor] = target.split('#')
        const found = path === '' ? file : join(dirname(file), path)
        expect(existsSync(join(ROOT, found)) && isPacked(found), target).toBe(true)
        if (anchor === undefined) continue
        const headings = [...findDocument(found).prose.matchAll(/^#+ (.*)$/gm)]
        expect(headings.map(([, heading = '']) => toAnchor(heading))).toContain(anchor)
      }
    },
  )
})

test('each file that the documentation names by its path exists', () => {
  for (const { file, prose } of DOCUMENTS) {
    for (const [, path = ''] of prose.matchAll(/`((?:test|src|bench)\/[\w./-]+)`/g)) {
      expect(existsSync(join(ROOT, path)), `${path} in ${file}`).toBe(true)
    }
  }
})

test('each page of docs is reachable from the README', () => {
  const reached = new Set(['README.md'])
  for (const file of reached) {
    const document = DOCUMENTS.find((one) => one.file === file)
    for (const [, path = ''] of document?.prose.matchAll(/\]\(([^)#:]+\.md)/g) ?? []) {
      reached.add(join(dirname(file), path))
    }
  }
  expect(DOCUMENTS.map(({ file }) => file).filter((file) => !reached.has(file))).toEqual([])
})

test('each command that a sentence names exists', () => {
  const help = readFileSync(join(ROOT, 'test/published/help.txt'), 'utf8')
  const commands = [...help.matchAll(/^\$ latchkey (.*) ?--help$/gm)].map(([, name = '']) =>
    name.trim(),
  )
  for (const { file, prose } of DOCUMENTS) {
    for (const [, line = ''] of prose.matchAll(/`latchkey ([a-z][^`]*)`/g)) {
      const words = line.split(' ')
      const isCommand =
        commands.includes(words.slice(0, 2).join(' ')) ||
        (commands.includes(words[0] ?? '') &&
          !commands.some((name) => name.startsWith(`${words[0]} `))) ||
        (words.length === 1 && commands.includes(line))
      expect(isCommand, `latchkey ${line} in ${file}`).toBe(true)
    }
  }
})

test('the drawing of the architecture names every folder and file of src', () => {
  const drawing = findDocument('docs/architecture.md').samples[0]?.text
  for (const entry of readdirSync(join(ROOT, 'src'), { withFileTypes: true })) {
    if (entry.name === 'tsconfig.json') continue
    expect(drawing).toContain(entry.isDirectory() ? `${entry.name}/` : entry.name)
  }
})

test('the pattern for secret scanners finds every secret that Latchkey makes', () => {
  expect(findDocument('docs/concepts.md').prose).toContain(`\`${SECRET_PATTERN.source}\``)
})

test('each sample runs in a test, or is listed with the reason', () => {
  const listed = new Set<string>()
  const unknown: string[] = []
  const findReason = (name: string) => {
    if (name in SAMPLES_NOT_RUN) listed.add(name)
    else unknown.push(name)
  }
  for (const { file, samples } of DOCUMENTS) {
    if (GENERATED_PAGES.includes(file)) continue
    samples.forEach((sample, n) => {
      const previous = samples[n - 1]
      const isAnswer = sample.followsPrevious && previous !== undefined && isRequest(previous)
      if (isRequest(sample) || isAnswer || isRunElsewhere(sample)) return
      if (sample.language !== 'sh') {
        findReason(`${file}: ${sample.text.trim().split('\n')[0]}`)
        return
      }
      for (const line of listShellLines(sample)) {
        const args = findLatchkeyArguments(line)
        if (args === undefined) {
          if (file !== SCRIPT_PAGE || line in SAMPLES_NOT_RUN) findReason(line)
        } else if (args in SAMPLES_NOT_RUN) listed.add(args)
      }
    })
  }
  expect(unknown).toEqual([])
  expect(Object.keys(SAMPLES_NOT_RUN).filter((name) => !listed.has(name))).toEqual([])
})

const isRunElsewhere = ({ file, language }: Sample) =>
  file === 'docs/simulate.md' ||
  [...PROXY_LANGUAGES, 'properties', 'ini', 'js', 'ts', 'csv'].includes(language)

const listSamples = (language: string) =>
  DOCUMENTS.flatMap(({ samples }) => samples).filter((sample) => sample.language === language)

test('each file of settings is valid', () => {
  const found = listSamples('properties')
  expect(found.length).toBeGreaterThan(1)
  for (const { text } of found) {
    const lines = text.trim().split('\n')
    const settings = lines.map((line): [string, string] => {
      const end = line.indexOf('=')
      return [line.slice(0, end), line.slice(end + 1)]
    })
    expect(() => readConfig(Object.fromEntries(settings))).not.toThrow()
  }
})

const hasSystemd = spawnSync('systemd-analyze', ['--version']).status === 0

test.skipIf(!hasSystemd)('each systemd unit is valid', () => {
  const found = listSamples('ini')
  expect(found).toHaveLength(1)
  for (const { text } of found) {
    const path = join(createTempFolder(), 'latchkey.service')
    const unit = text.replace(/^ExecStart=\S+/m, `ExecStart=${process.execPath}`)
    writeFileSync(path, unit.replace(/^(User|Group)=latchkey$/gm, '$1=root'))
    const { stderr } = spawnSync('systemd-analyze', ['verify', '--man=no', path], {
      encoding: 'utf8',
    })
    expect(stderr.split('\n').filter((line) => line.includes('latchkey.service'))).toEqual([])
  }
})
