import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'

const ROOT = join(import.meta.dirname, '../..')
const PAGE = readFileSync(join(ROOT, 'docs/standards.md'), 'utf8')

const SECTIONS: Readonly<Record<string, readonly string[]>> = {
  'RFC 6749': ['2.3.1', '3.2', '4.4', '5.1', '5.2'],
  'RFC 6750': ['2.1', '3', '3.1'],
  'RFC 7009': ['2'],
  'RFC 7519': ['4.1'],
  'RFC 7523': ['3'],
  'RFC 7662': ['2'],
  'RFC 8414': ['2', '3'],
  'RFC 8594': ['3', '6'],
  'RFC 8725': ['1', '2', '3', '4', '5', '6', '7', '8', '9', '10', '11'].map((n) => `3.${n}`),
  'RFC 9068': ['2', '3', '4'],
  'RFC 9700': ['2.4', '2.5'],
  'RFC 9728': ['2', '3', '5'],
  'RFC 9745': ['2', '3', '4'],
}
const WHOLE_STANDARDS = [
  'RFC 7515',
  'RFC 7517 (`kid`, `use`)',
  'SMART App Launch 2.2, Backend Services',
]

/** The rows of the first table: a section, and the tests that show it. */
const rows = [...PAGE.matchAll(/^\| ((?:RFC|SMART) [^|]*) \| [^|]* \| (`[^|]*) \|$/gm)].map(
  ([, section = '', tests = '']) => ({
    section,
    tests: tests.split('; `').map((text) => /^`?([^`]+)`: (.*)$/.exec(text)?.slice(1) ?? [text]),
  }),
)

test('each section has a row', () => {
  const sections = Object.entries(SECTIONS).flatMap(([name, numbers]) =>
    numbers.map((number) => `${name} §${number}`),
  )
  const wanted = [...sections, ...WHOLE_STANDARDS]
  expect(new Set(rows.map(({ section }) => section))).toEqual(new Set(wanted))
  expect(rows).toHaveLength(wanted.length)
})

/** The titles of tests in a file; `…` stands for the placeholders of a table of cases. */
function listTitles(file: string): string[] {
  const text = readFileSync(join(ROOT, 'test', file), 'utf8')
  if (file.endsWith('.http'))
    return [...text.matchAll(/^### (.*)$/gm)].map(([, title = '']) => title)
  const literals = [...text.matchAll(/(?:test(?:\.\w+)?|\))\(\s*(['`])(.*?)\1,/g)]
  return literals.map(([, , title = '']) => title.replaceAll(/%[a-z]|\$\{\w+\}|\$[a-z]\w*/gi, '…'))
}

test.each(rows)('$section names tests that exist', ({ tests }) => {
  const missing = tests.filter(([file = '', title = '']) => !listTitles(file).includes(title))
  expect(tests.length).toBeGreaterThan(0)
  expect(missing).toEqual([])
})
