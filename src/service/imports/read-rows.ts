import { fail, ok, type Result } from '../../domain/failure.ts'
import { IMPORT_COLUMN_NAMES, type ImportCells, isImportColumn, isShallow } from './import-row.ts'

export type FileFormat = 'csv' | 'jsonl'

/** A row of a file: its first line, and its cells or what is wrong with it. */
export interface FileRow {
  readonly line: number
  readonly cells: Result<ImportCells, string>
}

/** A file that cannot be read to its end. The message is a sentence for users. */
export class UnreadableFileError extends Error {
  override name = 'UnreadableFile'
}

/** Longer rows are refused without being kept: a line of a gigabyte is no key. */
export const MAX_ROW_CHARS = 256 * 1024

/**
 * The bytes that are decoded at once. The text of a whole chunk would live for a tenth of a second, and so become
 * garbage that only a collection of the whole heap frees.
 */
const PIECE_BYTES = 4096

/**
 * Reads a file as it arrives, in memory that does not depend on its length. Yields a few rows at once, after the
 * header: an unreadable one fails the first read. A row that cannot be read is reported, and the next line begins
 * the next row.
 */
export async function* readRows(
  chunks: AsyncIterable<Uint8Array>,
  format: FileFormat,
  maxRows: number,
): AsyncGenerator<readonly FileRow[]> {
  let parseRow = format === 'jsonl' ? parseJsonRow : null
  for await (const records of splitRecords(chunks, format)) {
    let rows: FileRow[] = []
    for (const { line, text } of records) {
      if (text.ok && text.value.trim() === '') continue
      if (parseRow === null) parseRow = createCsvParser(text)
      else rows.push({ line, cells: text.ok ? checkText(text.value, parseRow) : text })
      if (rows.length < maxRows) continue
      yield rows
      rows = []
    }
    if (parseRow !== null) yield rows
  }
  if (parseRow === null) throw new UnreadableFileError('the file is empty')
}

interface FileRecord {
  readonly line: number
  readonly text: Result<string, string>
}

const QUOTE = 34
const NEWLINE = 10

/**
 * Splits a file at its line ends, except those between quotes in CSV (RFC 4180 §2). A byte that is not UTF-8
 * becomes U+FFFD, which `checkText` refuses; a byte order mark is dropped. The records of a chunk are read as they
 * are taken, and all of them must be.
 */
async function* splitRecords(
  chunks: AsyncIterable<Uint8Array>,
  format: FileFormat,
): AsyncGenerator<Iterable<FileRecord>> {
  const decoder = new TextDecoder()
  let rest = ''
  let isTooLong = false
  let isQuoted = false
  let line = 1
  let firstLine = 1

  function split(text: string): FileRecord[] {
    const records: FileRecord[] = []
    let start = 0
    for (let at = 0; at < text.length; at++) {
      const unit = text.charCodeAt(at)
      if (unit === QUOTE && format === 'csv') isQuoted = !isQuoted
      else if (unit === NEWLINE) {
        line++
        if (isQuoted && !isTooLong) continue
        records.push(endRecord(text.slice(start, at)))
        start = at + 1
      }
    }
    rest += text.slice(start)
    if (rest.length > MAX_ROW_CHARS) {
      isTooLong = true
      rest = ''
    }
    return records
  }

  function endRecord(end: string): FileRecord {
    const text = (rest + end).replace(/\r$/, '')
    const record: FileRecord = {
      line: firstLine,
      text: isTooLong || text.length > MAX_ROW_CHARS ? ROW_TOO_LONG : ok(text),
    }
    rest = ''
    isTooLong = false
    isQuoted = false
    firstLine = line
    return record
  }

  function* splitChunk(chunk: Uint8Array): Generator<FileRecord> {
    for (let at = 0; at < chunk.length; at += PIECE_BYTES) {
      const piece = chunk.subarray(at, at + PIECE_BYTES)
      yield* split(decoder.decode(piece, { stream: true }))
    }
  }

  for await (const chunk of chunks) yield splitChunk(chunk)
  yield split(decoder.decode())
  if (rest !== '' || isTooLong) yield [endRecord('')]
}

const ROW_TOO_LONG = fail(
  `the row has more than ${MAX_ROW_CHARS / 1024} KB: a line end or a closing quote may be missing`,
)

type ParseRow = (text: string) => Result<ImportCells, string>

function checkText(text: string, parse: ParseRow): Result<ImportCells, string> {
  if (text.includes('\u{fffd}')) return fail('the row is not UTF-8')
  const cells = parse(text)
  const hasNul = cells.ok && Object.values(cells.value).some((cell) => cell.includes('\0'))
  return hasNul ? fail('the row has a NUL character') : cells
}

function parseJsonRow(text: string): Result<ImportCells, string> {
  const row = parseJsonObject(text)
  if (row === null) return fail('the line is not a JSON object: each line must be one')
  const cells: Record<string, string> = {}
  for (const [name, value] of Object.entries(row)) {
    if (!isImportColumn(name)) return fail(describeUnknownColumn(name))
    if (value === null) continue
    if (typeof value === 'string') cells[name] = value
    else if (name !== 'oauth_client') return fail(`${name} must be text`)
    else if (!isShallow(value)) return fail(`${name} is nested too deeply`)
    else cells[name] = JSON.stringify(value)
  }
  return ok(cells)
}

function parseJsonObject(text: string): object | null {
  try {
    const value: unknown = JSON.parse(text)
    return typeof value === 'object' && !Array.isArray(value) ? value : null
  } catch {
    return null
  }
}

/** Creates the parser of the rows below a header. */
function createCsvParser(header: Result<string, string>): ParseRow {
  const names = header.ok ? parseCsvCells(header.value, IMPORT_COLUMN_NAMES.length) : header
  if (!names.ok) throw new UnreadableFileError(`the header cannot be read: ${names.failure}`)
  const columns = names.value.map((name) => name.trim().toLowerCase())
  if (columns.some((name) => /[\0\u{fffd}]/u.test(name))) {
    throw new UnreadableFileError('the file is not text in UTF-8: unpack it, or convert it')
  }
  if (columns.length === 1 && /[;\t]/.test(columns[0] ?? '')) {
    throw new UnreadableFileError('the cells must be separated by commas')
  }
  const unknown = columns.find((name) => !isImportColumn(name))
  if (unknown !== undefined) throw new UnreadableFileError(describeUnknownColumn(unknown))
  const repeated = columns.find((name, n) => columns.indexOf(name) !== n)
  if (repeated !== undefined) throw new UnreadableFileError(`the column ${repeated} is there twice`)

  return (text) => {
    const cells = parseCsvCells(text, columns.length)
    if (!cells.ok) return cells
    if (cells.value.length < columns.length) {
      return fail(`the row has ${cells.value.length} cells, and the header ${columns.length}`)
    }
    return ok(Object.fromEntries(columns.map((name, n) => [name, cells.value[n] ?? ''])))
  }
}

const describeUnknownColumn = (name: string): string =>
  `there is no column ${JSON.stringify(name.slice(0, 40))}: the columns are ${IMPORT_COLUMN_NAMES.join(', ')}`

const CSV_CELL_PATTERN = /(?:"([^"]*(?:""[^"]*)*)"|([^",]*))(,|$)/y

/** Parses the cells of a record (RFC 4180 §2); at most `max`. */
export function parseCsvCells(text: string, max: number): Result<string[], string> {
  const cells: string[] = []
  CSV_CELL_PATTERN.lastIndex = 0
  for (;;) {
    const match = CSV_CELL_PATTERN.exec(text)
    if (match === null) return fail('a quote is missing, or is not doubled within a cell')
    if (cells.length === max) return fail(`the row has more than ${max} cells`)
    const [, quoted, plain = '', delimiter] = match
    cells.push(unescapeFormula(quoted?.replaceAll('""', '"') ?? plain))
    if (delimiter === '') return ok(cells)
  }
}

/** Spreadsheet programs run a cell that begins with one of these as a formula (OWASP, CSV Injection). */
const FORMULA_PATTERN = /^'*[=+\-@\t\r]/

/** Formats a cell, so that no program takes it for a formula. Reading it gives the same text. */
export function formatCsvCell(text: string): string {
  const cell = FORMULA_PATTERN.test(text) ? `'${text}` : text
  return /[",\r\n]/.test(cell) ? `"${cell.replaceAll('"', '""')}"` : cell
}

const unescapeFormula = (cell: string): string =>
  cell.startsWith("'") && FORMULA_PATTERN.test(cell) ? cell.slice(1) : cell

/** Formats a row as a JSON line, without its empty cells. */
export const formatJsonRow = (row: ImportCells): string =>
  `${JSON.stringify(row, (_, cell) => (cell === '' ? undefined : cell))}\n`
