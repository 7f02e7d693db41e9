import { globSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'

/*
 * What people read, wherever it stands.
 */

const ROOT = join(import.meta.dirname, '..')
/** In a sentence: names of variables stand between other signs. */
const MAN = /(?:[\p{L}\p{N},;:.)’”`] |['"`>]|^)(?:he|him|his|himself)(?= [\p{L}“`]|[.,;?!’'"`<)])/iu

const linesOf = (file: string) =>
  readFileSync(join(ROOT, file), 'utf8')
    .split('\n')
    .map((text, n) => ({ where: `${file}:${n + 1}`, text }))

/** Lines of code, without those that are comments and what stands behind `//`. */
const codeOf = (file: string) =>
  linesOf(file)
    .filter(({ text }) => !/^\s*(\/?\*|\/\/)/.test(text))
    .map(({ where, text }) => ({ where, text: text.replace(/\s\/\/ .*/, '') }))

test('nobody is told of as a man: no page, help, error or document says “he” of a person', () => {
  const pages = globSync('src/{http,node,worker}/**/*.ts', { cwd: ROOT })
  // Elsewhere only what stands in quotes is read by people.
  const inQuotes = globSync('src/{domain,service}/**/*.ts', { cwd: ROOT })
    .flatMap(codeOf)
    .map(({ where, text }) => ({ where, text: (text.match(/(['"`]).*\1/g) ?? []).join(' ') }))
  const told = [
    ...pages.flatMap(codeOf),
    ...inQuotes,
    ...['README.md', 'SECURITY.md', 'CHANGELOG.md'].flatMap(linesOf),
  ]
  expect(told.length).toBeGreaterThan(10_000)
  expect(told.filter(({ text }) => MAN.test(text))).toEqual([])
})
