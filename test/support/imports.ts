import { createHash } from 'node:crypto'
import { parseOAuthClientCell } from '../../src/operations/imports.ts'
import type { ImportCells } from '../../src/service/imports/import-row.ts'
import type { ImportInput } from '../../src/service/imports/imports.ts'

export const hashWithSha256 = (text: string) => createHash('sha256').update(text).digest('hex')

/** A row of a key with a hash, and a public id of its own. `owner`: the e-mail address of its owner. */
export const createHashedRow = (owner: string, more: ImportCells = {}): ImportCells => ({
  type: 'xdent',
  public_id: `old-${crypto.randomUUID()}`,
  owner,
  hash: hashWithSha256(crypto.randomUUID()),
  form: 'sha256',
  ...more,
})

/** The text as a file that arrives in chunks of this many bytes. */
export async function* toChunks(
  text: string | Uint8Array,
  chunkBytes = 65_536,
): AsyncGenerator<Uint8Array> {
  const bytes = typeof text === 'string' ? new TextEncoder().encode(text) : text
  for (let at = 0; at < bytes.length; at += chunkBytes) yield bytes.subarray(at, at + chunkBytes)
}

export const toJsonLines = (rows: readonly ImportCells[]) =>
  rows.map((row) => `${JSON.stringify(row)}\n`).join('')

/** The input of an import of these rows, which writes. */
export const createImportInput = (
  rows: readonly ImportCells[] | string,
  more: Partial<ImportInput> = {},
): ImportInput => ({
  bytes: toChunks(typeof rows === 'string' ? rows : toJsonLines(rows)),
  format: 'jsonl',
  isDryRun: false,
  weakFormsAllowed: false,
  fileName: 'keys.jsonl',
  parseOAuthClient: parseOAuthClientCell,
  signal: new AbortController().signal,
  ...more,
})
