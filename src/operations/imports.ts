import { z } from 'zod'
import { fail, ok, type Result } from '../domain/failure.ts'
import { IMPORT_COLUMN_NAMES, type ImportCells } from '../service/imports/import-row.ts'
import type { ImportInput, ImportResult } from '../service/imports/imports.ts'
import { formatJsonRow } from '../service/imports/read-rows.ts'
import type { ImportFinding } from '../service/imports/run-import.ts'
import type { OAuthClientInput } from '../service/keys/oauth-client.ts'
import type { KeyImport, UnseenKey } from '../service/ports/imports.ts'
import {
  defineJsonLinesOperation,
  defineOperation,
  JSON_LINES_TYPE,
  type Operation,
  type Upload,
} from './define.ts'
import {
  accountFilter,
  accountId,
  createdAt,
  createListSchema,
  EXAMPLE_IDS,
  existingId,
  id,
  instantOrNull,
  newId,
  optionalBooleanParameter,
  optionalIdParameter,
  pageParameters,
  readPage,
} from './fields.ts'
import { keyStatus, keyType, newOAuthClient } from './key-fields.ts'
import { parseInput } from './parse-input.ts'

const count = (description: string) => z.number().int().meta({ description })

const keyImport = z
  .object({
    id,
    accountId: z.string().nullable().meta({
      description: 'The account of all rows; null if the rows name their accounts',
    }),
    fileName: z.string(),
    fileDigest: z.string().nullable().meta({
      description: 'SHA-256 of the file in hex; null if it came as a stream',
    }),
    status: z.enum(['unfinished', 'finished', 'undone']).meta({
      description:
        '`unfinished`: it runs, or was interrupted. Import the same file again to continue it',
    }),
    imported: count('Keys that it made'),
    present: count('Rows whose key was there already'),
    different: count('Rows of these whose key differs'),
    invalid: count('Rows that cannot be imported'),
    createdAt,
    finishedAt: instantOrNull('Time of its end; null if it is unfinished'),
    undoneAt: instantOrNull('Time at which it was undone'),
    lastKeyAt: instantOrNull('Time at which it made its newest key; null if it has none'),
  } satisfies Record<keyof KeyImport, z.ZodType>)
  .meta({ id: 'Import' })

const finding = z
  .object({
    line: z.number().int(),
    publicId: z.string().nullable(),
    problem: z.string(),
  } satisfies Record<keyof ImportFinding, z.ZodType>)
  .meta({ id: 'ImportFinding' })

const importReport = z
  .object({
    importId: z.string().nullable().meta({ description: 'Null for a dry run' }),
    finished: z.boolean().meta({ description: 'False if it was stopped: import the file again' }),
    rows: count('Rows of the file'),
    imported: count(
      'Rows that made a key, or would; those of an earlier run of the same import too',
    ),
    present: count('Rows whose key is there already'),
    different: count('Rows of these whose key differs'),
    invalid: count('Rows that cannot be imported'),
    hashed: count('Rows with a hash that are neither there already nor invalid for another reason'),
    proven: count('Rows whose secret proves the form of their hash'),
    findings: z.array(finding).readonly().meta({ description: 'The first 1,000, by line' }),
  } satisfies Record<keyof ImportResult, z.ZodType>)
  .meta({ id: 'ImportReport' })

const unseenKey = z
  .object({
    id,
    accountId,
    keyType,
    publicId: z.string(),
    name: z.string(),
    reference: z.string(),
    ownerEmail: z.string(),
    status: keyStatus,
    secretStart: z.string().meta({ description: 'The first characters of the secret' }),
    secretForm: z.string().nullable().meta({
      description: 'Form of the hash; null if the file had the secret',
    }),
    importId: z.string(),
    lastUsedAt: instantOrNull('Time of the last use in the old system'),
  } satisfies Record<keyof UnseenKey, z.ZodType>)
  .meta({ id: 'UnseenKey' })

/** The formats of a file, by content type. */
const FORMATS = { [JSON_LINES_TYPE]: 'jsonl', 'text/csv': 'csv' } as const

/** Validates the settings of an OAuth client in a file. */
export function parseOAuthClientCell(value: unknown): Result<OAuthClientInput, string> {
  const parsed = parseInput(newOAuthClient, value, 'body')
  if (parsed.ok) return ok(parsed.value ?? {})
  const [error] = parsed.failure.errors
  return fail(`${error?.path.join('.')} ${error?.detail}`.trim())
}

/** A browser would have to keep its page open for as long as an import takes. */
const NO_PAGE = 'imports and exports are for commands and programs'

const toImportInput = (
  upload: Upload | undefined,
  query: { dryRun?: string | undefined; weakForms?: string | undefined },
): Pick<ImportInput, 'bytes' | 'format' | 'isDryRun' | 'weakFormsAllowed' | 'parseOAuthClient'> => {
  if (upload === undefined) throw new Error('an import needs a file')
  return {
    bytes: upload.bytes,
    format: FORMATS[upload.type as keyof typeof FORMATS],
    isDryRun: query.dryRun === 'true',
    weakFormsAllowed: query.weakForms === 'true',
    parseOAuthClient: parseOAuthClientCell,
  }
}

/** Nothing tells a slow import from an interrupted one but the time of its newest key. */
const formatUnfinishedNote = (imports: readonly Pick<KeyImport, 'status'>[]): string | null =>
  imports.some(({ status }) => status === 'unfinished')
    ? 'An unfinished import runs, or was interrupted: the time of its newest key tells which. To continue it, run `latchkey keys import FILE` again, with the same file and account.'
    : null

export const importOperations: readonly Operation[] = [
  defineOperation({
    id: 'imports.create',
    method: 'post',
    path: '/imports',
    noCommand: '`latchkey keys import` reads a file, and shows its progress',
    noPage: NO_PAGE,
    serviceMethods: ['imports.create'],
    summary: 'Import keys from a file',
    text:
      `The body is the file, which is read as it arrives. Its columns are ${IMPORT_COLUMN_NAMES.map((name) => `\`${name}\``).join(', ')}: ` +
      'see [Migrate](https://github.com/latchkey/latchkey/blob/main/docs/migrate.md). ' +
      'Keys that are there already are not imported twice, so that a repeated request continues where the last one stopped. ' +
      'The file may take as long as it needs, if at least 10 KB arrive in a second.',
    uploadTypes: {
      [JSON_LINES_TYPE]: 'A JSON object for each key, one a line',
      'text/csv': 'A header with the names of the columns, and a row for each key (RFC 4180)',
    },
    query: z.strictObject({
      id: newId,
      accountId: optionalIdParameter.meta({ description: 'The account of rows that name none' }),
      fileName: z
        .string()
        .min(1)
        .max(200)
        .optional()
        .meta({ description: 'For the list of imports' }),
      dryRun: optionalBooleanParameter.meta({
        description: 'True to check the file and write nothing',
      }),
      weakForms: optionalBooleanParameter.meta({
        description: 'True to allow weak hashes: each secret must have at least 128 random bits',
      }),
    }),
    response: importReport,
    run: ({ services, upload, signal, query }) =>
      services.imports.create({
        ...toImportInput(upload, query),
        id: query.id,
        accountId: query.accountId,
        fileName: query.fileName ?? 'upload',
        signal,
      }),
  }),
  defineOperation({
    id: 'imports.list',
    method: 'get',
    path: '/imports',
    columns: [
      'createdAt',
      'fileName',
      'status',
      'lastKeyAt',
      'imported',
      'present',
      'different',
      'invalid',
      'id',
    ],
    noPage: NO_PAGE,
    serviceMethods: ['imports.list'],
    summary: 'List imports, newest first',
    query: z.strictObject({ ...accountFilter, ...pageParameters }),
    response: createListSchema(keyImport),
    note: ({ items }) => formatUnfinishedNote(items),
    run: ({ services, query: { limit, after, ...filter } }) =>
      readPage({ limit, after }, (page) => services.imports.list({ ...page, ...filter })),
  }),
  defineOperation({
    id: 'imports.show',
    method: 'get',
    path: '/imports/{id}',
    noPage: NO_PAGE,
    serviceMethods: ['imports.find'],
    summary: 'Get an import',
    response: keyImport,
    note: (keyImport) => formatUnfinishedNote([keyImport]),
    run: ({ services, id }) => services.imports.find(id),
  }),
  defineOperation({
    id: 'imports.undo',
    method: 'post',
    path: '/imports/{id}/undo',
    isIrreversible: true,
    noPage: NO_PAGE,
    serviceMethods: ['imports.undo'],
    summary: 'Undo an import',
    text:
      'Deletes the keys that the import made and that nobody has used since, so that a corrected file can be imported. ' +
      'The audit keeps their events. Uses of the last minute may not be counted yet.',
    body: z.strictObject({
      includesUsed: z
        .boolean()
        .optional()
        .meta({ description: 'True to delete used keys too, whose owners are then refused' }),
    }),
    examples: { 'With the keys that were used': { includesUsed: true } },
    response: z.object({
      import: keyImport,
      deleted: count('Keys that were deleted'),
      kept: count('Keys that stay, because they were used'),
    }),
    note: ({ kept }) =>
      kept > 0 ? 'Keys that were used stay: add --includes-used to delete them too.' : null,
    run: ({ services, id, body }) => services.imports.undo(id, body),
  }),
  defineOperation({
    id: 'imports.addPepper',
    method: 'post',
    path: '/imports/peppers',
    noPage: NO_PAGE,
    serviceMethods: ['imports.addPepper'],
    summary: 'Store a pepper',
    text: 'The pepper is sealed by the key ring, and deleted with the last hash that needs it. Import the file within the hour: a pepper that no hash needs is deleted.',
    body: z.strictObject({
      accountId: existingId.meta({ description: 'Id of the account' }),
      name: z.string().meta({ description: 'The name in the column `pepper`' }),
      pepper: z.string().meta({ format: 'password', description: 'The pepper' }),
    }),
    examples: {
      'For HMAC': { accountId: EXAMPLE_IDS.account, name: 'old-portal', pepper: 'pepper-0123' },
    },
    response: z.object({ id, accountId, name: z.string() }).meta({ id: 'Pepper' }),
    creates: true,
    run: ({ services, body }) => services.imports.addPepper(body),
  }),
]

/** Operations on keys that imports made, and the way back: an export has the columns of an import. */
export const keyFileOperations: readonly Operation[] = [
  defineOperation({
    id: 'keys.unseen',
    method: 'get',
    path: '/keys/unseen',
    columns: [
      'publicId',
      'name',
      'keyType',
      'ownerEmail',
      'secretStart',
      'lastUsedAt',
      'reference',
      'id',
    ],
    noPage: NO_PAGE,
    serviceMethods: ['imports.listUnseen'],
    summary: 'List imported keys that nobody has used since',
    text: 'Revoked keys are left out.',
    query: z.strictObject({
      ...accountFilter,
      importId: optionalIdParameter.meta({ description: 'Only keys of this import' }),
      ...pageParameters,
    }),
    response: createListSchema(unseenKey),
    run: ({ services, query: { limit, after, ...filter } }) =>
      readPage({ limit, after }, (page) => services.imports.listUnseen({ ...page, ...filter })),
  }),
  defineJsonLinesOperation({
    id: 'keys.export',
    method: 'post',
    path: '/keys/export',
    noCommand: '`latchkey keys export` writes CSV too',
    noPage: NO_PAGE,
    serviceMethods: ['imports.exportKeys'],
    summary: 'Export keys',
    text:
      'JSON lines with the columns of an import. Secrets that are presented at each request are not exported: the ' +
      'database has only digests under the key ring. Each export is recorded in the audit.',
    query: z.strictObject({
      ...accountFilter,
      withSecrets: optionalBooleanParameter.meta({
        description: 'True to add the secrets that may be viewed, and hashes',
      }),
    }),
    async run({ services, query: { accountId, withSecrets } }) {
      const input = { accountId, withSecrets: withSecrets === 'true' }
      const rows = await services.imports.exportKeys(input)
      return rows.ok ? ok(writeJsonLines(rows.value)) : rows
    },
  }),
]

async function* writeJsonLines(rows: AsyncIterable<ImportCells>): AsyncGenerator<string> {
  for await (const row of rows) yield formatJsonRow(row)
}
