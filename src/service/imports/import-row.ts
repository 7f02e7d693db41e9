import { fail, ok, type Result } from '../../domain/failure.ts'
import type { AccessLevel, DisablingParty, KeyStatus } from '../../domain/key.ts'
import { KEY_TYPE_NAMES, type KeyType } from '../../domain/key-type.ts'
import { parseIsoInstant } from '../input.ts'

/** The columns of a file of keys, which has a row for each key, and what they hold. The docs show this table. */
export const IMPORT_COLUMNS = {
  type: 'The key type, such as `redox`. Required',
  public_id:
    'The id that the vendor sends with the secret, and by which a row is recognized. Required for `redox`, `xdent` and `oauth`',
  secret:
    'The secret, if the old system has it in plain text: 16 to 512 characters. Import a shorter one as a hash, such as bcrypt',
  hash: 'The hash of the secret, if the old system has only that',
  form: 'The form of the hash. Required with a hash',
  salt: 'The salt, for the forms that have it in a column of its own',
  pepper: 'The name of the pepper, for hashes that were made with one',
  owner: 'The e-mail address of the user who answers for the key. Required',
  account: 'Id or name of the account. The account of the import by default',
  source: 'Id or name of the source, for `redox`',
  site: 'Id or name of the site, for `xenrad`; the office of an `opendental` key',
  developer: 'Id or name of the developer, for `opendental` and `opendental-portal`',
  name: 'The name of the key; its public id by default',
  description: 'What the key is for',
  reference: 'Name in another system',
  status: '`enabled`, `disabled` or `revoked`; `enabled` by default',
  disabled_by: '`operator`, `customer` or `developer`, for a disabled key; `operator` by default',
  access: '`read`, `standard` or `enterprise`; `standard` by default',
  created: 'Time of creation, such as 2024-01-31T12:00:00Z',
  expires: 'Time of expiry',
  last_used: 'Time of the last use in the old system',
  start: 'The first characters of the secret, by which people recognize it',
  oauth_client: 'The settings of an OAuth client as JSON, as the management API has them',
} as const

export type ImportColumn = keyof typeof IMPORT_COLUMNS
export const IMPORT_COLUMN_NAMES = Object.keys(IMPORT_COLUMNS) as readonly ImportColumn[]

export const isImportColumn = (name: string): name is ImportColumn =>
  Object.hasOwn(IMPORT_COLUMNS, name)

/** The texts of one row. An empty cell is one that the file does not have. */
export type ImportCells = Readonly<Partial<Record<ImportColumn, string>>>

export interface HashCells {
  readonly form: string
  readonly hash: string
  readonly salt: string | null
  readonly pepper: string | null
}

/** A row whose texts have been read, before anything is looked up. */
export interface ImportRow {
  readonly keyType: KeyType
  readonly publicId: string | null
  readonly secret: string | null
  readonly hash: HashCells | null
  readonly owner: string
  /** Ids or names. */
  readonly account: string | null
  readonly source: string | null
  readonly site: string | null
  readonly developer: string | null
  readonly name: string
  readonly description: string
  readonly reference: string
  readonly status: KeyStatus
  readonly disabledBy: DisablingParty
  readonly access: AccessLevel
  readonly createdAt: number | null
  readonly expiresAt: number | null
  readonly lastUsedAt: number | null
  readonly start: string
  /** JSON that is not validated yet. */
  readonly oauthClient: unknown
}

const MAX_START_LENGTH = 16

/** Reads the texts of a row, or explains the first problem. */
export function parseImportRow(cells: ImportCells, now: number): Result<ImportRow, string> {
  const read = (column: ImportColumn): string | null => cells[column] || null
  const type = read('type')
  const keyType = KEY_TYPE_NAMES.find((name) => name === type)
  if (keyType === undefined) {
    return fail(
      type === null
        ? 'type is missing'
        : `type must be one of ${KEY_TYPE_NAMES.join(', ')}, not ${quote(type)}`,
    )
  }
  const owner = read('owner')
  if (owner === null) return fail('owner is missing: it is the e-mail address of a user')
  const publicId = read('public_id')
  const secret = read('secret')
  const hash = parseHashCells(read)
  if (!hash.ok) return hash
  const status = parseChoice(read, 'status', ['enabled', 'disabled', 'revoked'])
  if (!status.ok) return status
  const disabledBy = parseChoice(read, 'disabled_by', ['operator', 'customer', 'developer'])
  if (!disabledBy.ok) return disabledBy
  const access = parseChoice(read, 'access', ['standard', 'read', 'enterprise'])
  if (!access.ok) return access
  const createdAt = parsePastInstant(read, 'created', now)
  if (!createdAt.ok) return createdAt
  const lastUsedAt = parsePastInstant(read, 'last_used', now)
  if (!lastUsedAt.ok) return lastUsedAt
  const expiresAt = parseInstantCell(read, 'expires')
  if (!expiresAt.ok) return expiresAt
  const start = read('start') ?? ''
  if (start.length > MAX_START_LENGTH || !/^[\x20-\x7e]*$/.test(start)) {
    return fail(`start must be at most ${MAX_START_LENGTH} printable ASCII characters`)
  }
  const oauthClient = parseJsonCell(read('oauth_client'))
  if (!oauthClient.ok) return oauthClient
  return ok({
    keyType,
    publicId,
    secret,
    hash: hash.value,
    owner,
    account: read('account'),
    source: read('source'),
    site: read('site'),
    developer: read('developer'),
    name: read('name') ?? publicId ?? '',
    description: read('description') ?? '',
    reference: read('reference') ?? '',
    status: status.value,
    disabledBy: disabledBy.value,
    access: access.value,
    createdAt: createdAt.value,
    expiresAt: expiresAt.value,
    lastUsedAt: lastUsedAt.value,
    start,
    oauthClient: oauthClient.value,
  })
}

type ReadCell = (column: ImportColumn) => string | null

function parseHashCells(read: ReadCell): Result<HashCells | null, string> {
  const [hash, form, salt, pepper] = [read('hash'), read('form'), read('salt'), read('pepper')]
  if (hash === null) {
    return form === null && salt === null && pepper === null
      ? ok(null)
      : fail('hash is missing: add it, or leave form, salt and pepper empty')
  }
  return form === null
    ? fail('form is missing: it names the way in which the hash was made')
    : ok({ form, hash, salt, pepper })
}

/** The first choice is the default. */
function parseChoice<Choice extends string>(
  read: ReadCell,
  column: ImportColumn,
  choices: readonly [Choice, ...Choice[]],
): Result<Choice, string> {
  const text = read(column)
  if (text === null) return ok(choices[0])
  const choice = choices.find((one) => one === text)
  return choice === undefined
    ? fail(`${column} must be ${choices.join(', ')}, not ${quote(text)}`)
    : ok(choice)
}

function parseInstantCell(read: ReadCell, column: ImportColumn): Result<number | null, string> {
  const text = read(column)
  if (text === null) return ok(null)
  const at = parseIsoInstant(text)
  return at === null
    ? fail(`${column} must be a time such as 2024-01-31T12:00:00Z, not ${quote(text)}`)
    : ok(at)
}

function parsePastInstant(
  read: ReadCell,
  column: ImportColumn,
  now: number,
): Result<number | null, string> {
  const at = parseInstantCell(read, column)
  return at.ok && at.value !== null && at.value > now ? fail(`${column} is in the future`) : at
}

function parseJsonCell(text: string | null): Result<unknown, string> {
  if (text === null) return ok(undefined)
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch {
    return fail('oauth_client must be JSON')
  }
  return isShallow(value) ? ok(value) : fail('oauth_client is nested too deeply')
}

const MAX_NESTING = 20

/** True for JSON that code can walk by recursion: only reading it takes no stack, however deep it is. */
export const isShallow = (value: unknown, levels = MAX_NESTING): boolean =>
  typeof value !== 'object' ||
  value === null ||
  (levels > 0 && Object.values(value).every((member) => isShallow(member, levels - 1)))

const MAX_QUOTED_LENGTH = 40

/** Quotes a cell in a sentence. Cells with a secret or a hash are never quoted. */
export const quote = (text: string): string =>
  JSON.stringify(text.length > MAX_QUOTED_LENGTH ? `${text.slice(0, MAX_QUOTED_LENGTH)}…` : text)
