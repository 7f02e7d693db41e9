import { createHash } from 'node:crypto'
import { createReadStream, existsSync, readdirSync, readFileSync, statSync } from 'node:fs'
import { getPriority, setPriority } from 'node:os'
import { basename } from 'node:path'
import { type Command, Option } from 'commander'
import { IMPORT_COLUMN_NAMES, type ImportCells } from '../../service/imports/import-row.ts'
import type { ImportInput, ImportResult } from '../../service/imports/imports.ts'
import { CommandFailure, unwrapResult } from './command-failure.ts'
import { formatExamples, formatTable, isJsonRequested, printNote, printOutput } from './print.ts'
import { createProgressBar } from './terminal.ts'
import { withLatchkey } from './with-latchkey.ts'

interface ImportOptions {
  readonly account?: string
  readonly dryRun?: true
  readonly format?: 'csv' | 'jsonl'
  readonly pepper?: readonly string[]
  readonly weakForms?: true
  readonly id?: string
}

interface ExportOptions {
  readonly account?: string
  readonly csv?: true
  readonly force?: true
  readonly withSecrets?: true
}

const STANDARD_INPUT = '-'

/** A tenth of the weight of a server on the same machine, so that its requests go first. */
const IMPORT_NICENESS = 10

/** Defines the commands that read and write files of keys. */
export function defineKeyFileCommands(group: Command): void {
  group
    .command('import <file>')
    .summary('Import keys from a file')
    .description(
      'Import keys of another system from a file of CSV or JSON lines; - is stdin. docs/migrate.md has the columns. ' +
        'Rows that cannot be imported are reported by line, and all others are imported. A repeated command imports ' +
        'nothing twice, and continues where the last one stopped.',
    )
    .option('--account <id>', 'the account of rows that name none')
    .option('--dry-run', 'check the file, and write nothing')
    .addOption(
      new Option('--format <format>', 'the format (default: by the name of the file)').choices([
        'csv',
        'jsonl',
      ]),
    )
    .option(
      '--pepper <name=file>',
      'a pepper of hashes, by its name in the column pepper; repeat it for another',
      (value: string, earlier: readonly string[] = []) => [...earlier, value],
    )
    .option('--weak-forms', 'allow weak hashes, because each secret has at least 128 random bits')
    .option('--id <uuid>', 'the id of an import to continue, if the file comes from stdin')
    .addHelpText(
      'after',
      formatExamples(
        'keys import keys.csv --account 0199aa… --dry-run',
        'keys import keys.csv --account 0199aa…',
        'keys import keys.jsonl --pepper old-portal=pepper.txt',
      ),
    )
    .action(importFile)

  group
    .command('export [file]')
    .summary('Export keys to a file')
    .description(
      'Write keys as JSON lines or CSV, with the columns of an import; to stdout without a file. The audit records it.',
    )
    .option('--account <id>', 'only of this account')
    .option('--csv', 'CSV instead of JSON lines')
    .option(
      '--with-secrets',
      'add the secrets that can be viewed, and the hashes that another server can check',
    )
    .option('--force', 'replace the file')
    .addHelpText(
      'after',
      formatExamples('keys export keys.jsonl', 'keys export --csv --account 0199aa… > keys.csv'),
    )
    .action(exportFile)
}

async function importFile(file: string, options: ImportOptions, command: Command): Promise<void> {
  lowerPriority()
  const isDryRun = options.dryRun === true
  const format = options.format ?? findFormat(file)
  const peppers = new Map(options.pepper?.map(readPepper))
  const size = file === STANDARD_INPUT ? 0 : statSync(file).size
  const { parseOAuthClientCell } = await import('../../operations/imports.ts')
  const aborter = new AbortController()
  const stop = () => aborter.abort()
  // A second Ctrl-C ends the process at once.
  process.once('SIGINT', stop)
  const progress = createProgress(size, isJsonRequested(command))
  try {
    const input: ImportInput = {
      bytes: progress.watch(
        file === STANDARD_INPUT ? process.stdin : createReadStream(file, { highWaterMark: 65_536 }),
      ),
      format,
      isDryRun,
      weakFormsAllowed: options.weakForms === true,
      fileName: file === STANDARD_INPUT ? 'stdin' : basename(file),
      fileDigest:
        file === STANDARD_INPUT || isDryRun
          ? undefined
          : await digestFile(file, progress, aborter.signal),
      id: options.id,
      accountId: options.account,
      peppers,
      parseOAuthClient: parseOAuthClientCell,
      signal: aborter.signal,
      reportProgress: (rows) => progress.report(`${rows.toLocaleString('en-US')} rows`),
    }
    const result = unwrapResult(await withLatchkey(({ imports }) => imports.create(input)), command)
    progress.end()
    printOutput(command, result, () => formatReport(result))
    for (const sentence of listNotes(result)) printNote(sentence)
    if (result.invalid > 0 || !result.finished) process.exitCode = 1
  } finally {
    progress.end()
    process.removeListener('SIGINT', stop)
  }
}

/** Lets the requests of a server on the same machine go first. */
function lowerPriority(): void {
  // Linux has a priority for each thread, and V8 has started some.
  const threads = existsSync('/proc/self/task') ? readdirSync('/proc/self/task') : [process.pid]
  for (const thread of threads.map(Number)) {
    try {
      setPriority(thread, Math.max(getPriority(thread), IMPORT_NICENESS))
    } catch {
      // A sandbox may forbid it, or the thread has just ended. The import then competes with requests.
    }
  }
}

function findFormat(file: string): 'csv' | 'jsonl' {
  if (/\.csv$/i.test(file)) return 'csv'
  if (/\.(jsonl|ndjson)$/i.test(file)) return 'jsonl'
  throw new CommandFailure('usage', `${file} does not end with .csv or .jsonl: add --format`)
}

/** Reads a pepper, without the line end that editors add. */
function readPepper(option: string): [name: string, bytes: Uint8Array] {
  const [, name, path] = /^([^=]+)=(.+)$/.exec(option) ?? []
  if (name === undefined || path === undefined) {
    throw new CommandFailure('usage', `--pepper ${option}: write NAME=FILE`)
  }
  const bytes = readFileSync(path)
  const end = bytes.at(-1) === 10 ? (bytes.at(-2) === 13 ? -2 : -1) : bytes.length
  const pepper = bytes.subarray(0, end)
  if (pepper.length === 0) {
    throw new CommandFailure('usage', `the pepper ${name} is empty: write it into ${path}`)
  }
  return [name, pepper]
}

/** Reads the whole file before its import begins: seconds for a long one. */
async function digestFile(
  file: string,
  progress: ReturnType<typeof createProgress>,
  signal: AbortSignal,
): Promise<string> {
  const hash = createHash('sha256')
  for await (const chunk of progress.watch(createReadStream(file))) {
    if (signal.aborted) break
    hash.update(chunk)
    progress.report('reading the file')
  }
  if (signal.aborted) {
    throw new CommandFailure('failed', 'stopped before the first row: nothing was imported')
  }
  return hash.digest('hex')
}

const NOTE_INTERVAL_MS = 10_000

/** Shows how much of the file is read: a bar on a terminal, a line now and then anywhere else. */
function createProgress(totalBytes: number, quiet: boolean) {
  const bar = createProgressBar('KB', { quiet })
  const toKilobytes = (bytes: number) => Math.ceil(bytes / 1024)
  const hasBar = process.stderr.isTTY && totalBytes > 0
  let readBytes = 0
  let notedAt = performance.now()
  return {
    async *watch(chunks: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
      readBytes = 0
      for await (const chunk of chunks) {
        readBytes += chunk.length
        yield chunk
      }
    },
    report(label: string): void {
      if (hasBar) bar(toKilobytes(readBytes), toKilobytes(totalBytes), label)
      else if (!quiet && performance.now() - notedAt > NOTE_INTERVAL_MS) {
        notedAt = performance.now()
        printNote(label)
      }
    },
    end: bar.end,
  }
}

function formatReport(result: ImportResult): string {
  const { rows, imported, present, different, invalid, findings } = result
  const verb = result.importId === null ? 'can be imported' : 'imported'
  const counts = [
    `${imported} ${verb}`,
    `${present} already there${different > 0 ? ` (${different} of them different)` : ''}`,
    `${invalid} invalid`,
  ]
  const table =
    findings.length === 0
      ? ''
      : formatTable(
          ['line', 'public id', 'problem'],
          findings.map(({ line, publicId, problem }) => [line, publicId, problem]),
        )
  return `${table}${rows} ${rows === 1 ? 'row' : 'rows'}: ${counts.join(', ')}\n`
}

function* listNotes(result: ImportResult): Generator<string> {
  const { importId, finished, imported, invalid, different, findings, hashed, proven } = result
  const hidden = invalid + different - findings.length
  if (hidden > 0) yield `Further rows with a problem: ${hidden}. Correct these first.`
  if (importId === null && hashed > 0) {
    yield proven > 0
      ? `Rows whose secret proves the form of their hash: ${proven}.`
      : 'No row proves the form of its hash: add the secret of one key to its row, and check again.'
  }
  if (!finished) {
    yield importId === null
      ? 'Stopped before the end of the file.'
      : 'Stopped. Run the same command again to continue.'
  }
  if (importId !== null && imported > 0)
    yield `To undo it, run \`latchkey imports undo ${importId}\`.`
}

async function exportFile(
  file: string | undefined,
  options: ExportOptions,
  command: Command,
): Promise<void> {
  const [csv, force] = [options.csv === true, options.force === true]
  if (file !== undefined && existsSync(file) && !force) {
    throw new CommandFailure('conflict', `${file} already exists: add --force to replace it`)
  }
  const { writeLines } = await import('../draft-files.ts')
  const { formatCsvCell, formatJsonRow } = await import('../../service/imports/read-rows.ts')
  const toLine = (cells: ImportCells): string =>
    csv
      ? `${IMPORT_COLUMN_NAMES.map((name) => formatCsvCell(cells[name] ?? '')).join(',')}\r\n`
      : formatJsonRow(cells)
  let keys = 0
  await withLatchkey(async ({ imports }) => {
    const input = { accountId: options.account, withSecrets: options.withSecrets === true }
    const rows = unwrapResult(await imports.exportKeys(input), command)
    async function* toLines(): AsyncGenerator<string> {
      if (csv) yield `${IMPORT_COLUMN_NAMES.join(',')}\r\n`
      for await (const cells of rows) {
        keys++
        yield toLine(cells)
      }
    }
    if (file !== undefined) return writeLines(file, toLines(), { overwrite: force })
    for await (const line of toLines()) {
      if (!process.stdout.write(line)) {
        await new Promise((resolve) => process.stdout.once('drain', resolve))
      }
    }
  })
  if (file !== undefined) {
    printOutput(
      command,
      { path: file, keys },
      () => `${file}: ${keys === 1 ? '1 key' : `${keys} keys`}\n`,
    )
  }
}
