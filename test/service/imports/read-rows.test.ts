import { gzipSync } from 'node:zlib'
import { parse } from 'csv-parse/sync'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { IMPORT_COLUMN_NAMES } from '../../../src/service/imports/import-row.ts'
import {
  type FileFormat,
  type FileRow,
  formatCsvCell,
  MAX_ROW_CHARS,
  parseCsvCells,
  readRows,
} from '../../../src/service/imports/read-rows.ts'
import { toChunks } from '../../support/imports.ts'

const MAX_ROWS = 2

const HEADER = 'type,owner,name\n'

async function read(
  text: string | Uint8Array,
  format: FileFormat = 'csv',
  chunkBytes = 7,
): Promise<FileRow[]> {
  const rows: FileRow[] = []
  for await (const chunk of readRows(toChunks(text, chunkBytes), format, MAX_ROWS))
    rows.push(...chunk)
  return rows
}

const readCells = async (text: string | Uint8Array, format?: FileFormat) =>
  (await read(text, format)).map(({ line, cells }) => [
    line,
    cells.ok ? cells.value : cells.failure,
  ])

describe('a CSV file', () => {
  test('is read with a byte order mark, CRLF, empty lines and quoted line ends', async () => {
    const text = `\u{feff}type,owner,name\r\nredox,a@b,"one, ""two""\r\nthree"\r\n\r\nxdent,c@d,\r\n`
    expect(await readCells(text)).toEqual([
      [2, { type: 'redox', owner: 'a@b', name: 'one, "two"\r\nthree' }],
      [5, { type: 'xdent', owner: 'c@d', name: '' }],
    ])
  })

  test('is read alike, however it is cut into chunks', async () => {
    const text = `${HEADER}redox,ä🏥@b,"x\ny"\nxdent,c@d,z`
    const whole = await read(text, 'csv', 1000)
    for (let bytes = 1; bytes < 12; bytes++) expect(await read(text, 'csv', bytes)).toEqual(whole)
    expect(whole).toHaveLength(2)
  })

  test.each([
    ['a row with too few cells', 'redox,a@b', 'the row has 2 cells, and the header 3'],
    ['a row of a million cells', ','.repeat(200_000), 'the row has more than 3 cells'],
    ['a broken last line', 'redox,a@b,"x', 'a quote is missing, or is not doubled within a cell'],
    ['a stray quote', 'redox,a"b"c,x', 'a quote is missing, or is not doubled within a cell'],
    ['a NUL', 'redox,a@b,\0', 'the row has a NUL character'],
  ])('reports %s by its line', async (_, row, problem) => {
    expect(await readCells(`${HEADER}xdent,a@b,x\n${row}`)).toEqual([
      [2, { type: 'xdent', owner: 'a@b', name: 'x' }],
      [3, problem],
    ])
  })

  test('reports bytes that are no UTF-8, and reads on', async () => {
    const bytes = Buffer.concat([
      Buffer.from(`${HEADER}redox,a@b,`),
      Buffer.from([0xff, 0xfe, 10]),
      Buffer.from('xdent,c@d,x\n'),
    ])
    expect(await readCells(bytes)).toEqual([
      [2, 'the row is not UTF-8'],
      [3, { type: 'xdent', owner: 'c@d', name: 'x' }],
    ])
  })

  test.each([
    [
      'an unknown column',
      'type,pubic_id\n',
      /^there is no column "pubic_id": the columns are type/,
    ],
    ['a repeated column', 'type,owner,type\n', /^the column type is there twice$/],
    [
      'a million columns',
      `${'type,'.repeat(50_000)}\n`,
      /header cannot be read: .* more than \d+ cells$/,
    ],
    ['nothing', '', /^the file is empty$/],
    ['semicolons', 'type;owner;name\n', /^the cells must be separated by commas$/],
    ['tabs', 'type\towner\n', /^the cells must be separated by commas$/],
  ])('with %s in its header is refused', async (_, text, problem) => {
    await expect(read(text, 'csv', 65_536)).rejects.toThrow(problem)
  })

  test('in UTF-16, as spreadsheet programs write it, is refused', async () => {
    const bytes = Buffer.from('\u{feff}type,owner\r\n', 'utf16le')
    await expect(read(bytes)).rejects.toThrow(/^the file is not text in UTF-8: unpack/)
    await expect(read(bytes.subarray(2))).rejects.toThrow(/^the file is not text in UTF-8/)
    await expect(read(gzipSync('type,owner\n'))).rejects.toThrow(/^the file is not text in UTF-8/)
  })

  test('has the cells that csv-parse reads', () => {
    const cell = fc.string({ unit: fc.constantFrom('a', 'ä', ',', '"', '\n', '\r\n', ' ') })
    fc.assert(
      fc.property(fc.array(cell, { minLength: 1, maxLength: 5 }), (cells) => {
        const record = cells.map((text) => `"${text.replaceAll('"', '""')}"`).join(',')
        const [expected] = parse(`${record}\n`) as string[][]
        expect(parseCsvCells(record, 5)).toEqual({ ok: true, value: expected })
      }),
    )
  })

  test('shows no program a formula, and reads every cell as it was written', () => {
    const text = fc.string({
      unit: fc.constantFrom("'", '=', '+', '-', '@', '\t', 'a', ',', '"', '\n'),
    })
    fc.assert(
      fc.property(text, (cell) => {
        const written = formatCsvCell(cell)
        expect(written.replace(/^"/, '')).not.toMatch(/^[=+\-@\t\r]/)
        expect(parseCsvCells(written, 1)).toEqual({ ok: true, value: [cell] })
      }),
    )
    expect(formatCsvCell('=HYPERLINK("https://evil.example")')).toBe(
      `"'=HYPERLINK(""https://evil.example"")"`,
    )
  })
})

describe('a file of JSON lines', () => {
  test('is read, with settings of a client as an object', async () => {
    const text = '{"type":"oauth","oauth_client":{"scopes":["a"]},"name":null}\n\n{"owner":"a@b"}'
    expect(await readCells(text, 'jsonl')).toEqual([
      [1, { type: 'oauth', oauth_client: '{"scopes":["a"]}' }],
      [3, { owner: 'a@b' }],
    ])
  })

  test.each([
    ['no JSON', '{"type":', 'the line is not a JSON object: each line must be one'],
    ['a list', '[]', 'the line is not a JSON object: each line must be one'],
    ['a number', '{"name":7}', 'name must be text'],
    ['a NUL', '{"name":"\\u0000"}', 'the row has a NUL character'],
    ['a prototype', '{"__proto__":"x"}', /^there is no column "__proto__"/],
  ])('reports a line that is %s', async (_, line, problem) => {
    const [first] = await readCells(`${line}\n{}`, 'jsonl')
    expect(first?.[1]).toEqual(
      typeof problem === 'string' ? problem : expect.stringMatching(problem),
    )
  })
})

test.each<FileFormat>(['csv', 'jsonl'])(
  'a line of 256 MB in %s is refused in bounded memory, and the next row is read',
  async (format) => {
    const chunk = new Uint8Array(1024 * 1024).fill(97)
    async function* toLongLine(): AsyncGenerator<Uint8Array> {
      if (format === 'csv') yield new TextEncoder().encode(`${HEADER}"`)
      for (let n = 0; n < 256; n++) yield chunk
      yield new TextEncoder().encode(format === 'csv' ? '\nredox,a@b,x\n' : '\n{"name":"x"}\n')
    }
    const before = process.memoryUsage().rss
    const rows: FileRow[] = []
    for await (const read of readRows(toLongLine(), format, MAX_ROWS)) rows.push(...read)
    expect(rows.map(({ cells }) => cells.ok)).toEqual([false, true])
    expect(rows[0]?.cells).toMatchObject({
      failure: `the row has more than ${MAX_ROW_CHARS / 1024} KB: a line end or a closing quote may be missing`,
    })
    expect(process.memoryUsage().rss - before).toBeLessThan(128 * 1024 * 1024)
  },
)

test('no column can be taken for a formula', () => {
  for (const name of IMPORT_COLUMN_NAMES) expect(formatCsvCell(name)).toBe(name)
})
