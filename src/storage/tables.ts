import type {
  AuthenticationMethod,
  RepeatedAssertions,
  SigningAlgorithm,
  TokenTypeHeader,
} from '../domain/oauth-client.ts'
import type { AccessTokenStrategy } from '../domain/token.ts'

/** The type of a column, as PostgreSQL names it. */
export type ColumnType = 'text' | 'bigint'

/** A column of a table: its role in the primary key, and the type of its values. */
interface Column<Value> {
  readonly isKey: boolean
  readonly type: ColumnType
  /** Only a type. */
  readonly value?: Value
}

const column = <Value>(type: ColumnType = 'text'): Column<Value> => ({ isKey: false, type })
const key = <Value>(type: ColumnType = 'text'): Column<Value> => ({ isKey: true, type })

const TEXT = column<string>()
const NULLABLE_TEXT = column<string | null>()
const INTEGER = column<number>('bigint')
const NULLABLE_INTEGER = column<number | null>('bigint')
const KEY_TEXT = key<string>()
const KEY_INTEGER = key<number>('bigint')

/**
 * The tables of schema.sql, each after those that it refers to, and their columns in its order. Booleans are
 * 0 and 1, the only form that all engines share.
 */
const TABLES = {
  schema_version: { version: INTEGER },
  authority: { version: INTEGER, token_revocations: INTEGER },
  accounts: {
    id: KEY_TEXT,
    name: TEXT,
    region: TEXT,
    status: column<'open' | 'closed'>(),
    created_at: INTEGER,
    event_id: TEXT,
    offboarding_policy: column<'keep' | 'disable'>(),
    ip_allowlist_enforced: INTEGER,
  },
  ip_allowlist_entries: {
    id: KEY_TEXT,
    account_id: TEXT,
    network: TEXT,
    note: TEXT,
    created_at: INTEGER,
    event_id: TEXT,
  },
  sites: { id: KEY_TEXT, account_id: TEXT, name: TEXT, created_at: INTEGER, event_id: TEXT },
  users: {
    id: KEY_TEXT,
    account_id: TEXT,
    email: TEXT,
    role: column<'operator' | 'administrator' | 'engineer' | 'member'>(),
    created_at: INTEGER,
    event_id: TEXT,
    username: NULLABLE_TEXT,
    deactivated_at: NULLABLE_INTEGER,
    password_hash: NULLABLE_TEXT,
    sealed_totp: NULLABLE_TEXT,
    totp_step: NULLABLE_INTEGER,
  },
  developers: {
    id: KEY_TEXT,
    account_id: TEXT,
    name: TEXT,
    developer_key: TEXT,
    created_at: INTEGER,
    event_id: TEXT,
  },
  sessions: {
    id: KEY_TEXT,
    digest: TEXT,
    user_id: TEXT,
    kind: column<'browser' | 'token'>(),
    name: TEXT,
    created_at: INTEGER,
    seen_at: INTEGER,
    expires_at: INTEGER,
    event_id: TEXT,
  },
  invitations: {
    id: KEY_TEXT,
    digest: TEXT,
    user_id: NULLABLE_TEXT,
    created_at: INTEGER,
    expires_at: INTEGER,
    event_id: TEXT,
  },
  recovery_codes: { user_id: KEY_TEXT, digest: KEY_TEXT },
  sign_in_failures: { id: KEY_TEXT, failures: INTEGER, last_at: INTEGER },
  sources: { id: KEY_TEXT, account_id: TEXT, name: TEXT, created_at: INTEGER, event_id: TEXT },
  destinations: {
    id: KEY_TEXT,
    account_id: TEXT,
    name: TEXT,
    url: NULLABLE_TEXT,
    development: INTEGER,
    verified_at: NULLABLE_INTEGER,
    created_at: INTEGER,
    event_id: TEXT,
    verification_token: NULLABLE_TEXT,
    verification_method: column<'POST' | 'GET'>(),
  },
  subscriptions: {
    id: KEY_TEXT,
    source_id: TEXT,
    destination_id: TEXT,
    data_model: TEXT,
    status: column<'active' | 'paused'>(),
    created_at: INTEGER,
    event_id: TEXT,
    due_at: INTEGER,
    attempts: INTEGER,
    leased_by: NULLABLE_TEXT,
    leased_until: NULLABLE_INTEGER,
  },
  keys: {
    id: KEY_TEXT,
    account_id: TEXT,
    owner_id: TEXT,
    key_type: column<
      'redox' | 'xenrad' | 'opendental' | 'opendental-portal' | 'xdent' | 'practice' | 'oauth'
    >(),
    source_id: NULLABLE_TEXT,
    site_id: NULLABLE_TEXT,
    developer_id: NULLABLE_TEXT,
    public_id: TEXT,
    name: TEXT,
    description: TEXT,
    reference: TEXT,
    status: column<'enabled' | 'disabled' | 'revoked'>(),
    disabled_by: column<'developer' | 'customer' | 'operator' | null>(),
    access: column<'read' | 'standard' | 'enterprise'>(),
    secret_hash: NULLABLE_TEXT,
    sealed_secret: NULLABLE_TEXT,
    previous_secret_hash: NULLABLE_TEXT,
    previous_secret_ends_at: NULLABLE_INTEGER,
    token_salt: TEXT,
    token_epoch: INTEGER,
    created_at: INTEGER,
    assigned_at: NULLABLE_INTEGER,
    expires_at: NULLABLE_INTEGER,
    disabled_at: NULLABLE_INTEGER,
    revoked_at: NULLABLE_INTEGER,
    secret_rotated_at: NULLABLE_INTEGER,
    last_used_at: NULLABLE_INTEGER,
    event_id: TEXT,
    secret_digest: NULLABLE_TEXT,
    previous_secret_digest: NULLABLE_TEXT,
    user_agent: NULLABLE_TEXT,
  },
  oauth_clients: {
    key_id: KEY_TEXT,
    authentication_method: column<AuthenticationMethod>(),
    jwks_url: NULLABLE_TEXT,
    jwks: NULLABLE_TEXT,
    scopes: TEXT,
    audience: NULLABLE_TEXT,
    token_strategy: column<AccessTokenStrategy>(),
    signing_algorithm: column<SigningAlgorithm>(),
    token_type_header: column<TokenTypeHeader>(),
    token_lifetime_seconds: INTEGER,
    repeated_assertions: column<RepeatedAssertions>(),
    assertion_refused_at: NULLABLE_INTEGER,
    assertion_refusal: NULLABLE_TEXT,
  },
  imports: {
    id: KEY_TEXT,
    account_id: NULLABLE_TEXT,
    file_name: TEXT,
    file_digest: NULLABLE_TEXT,
    status: column<'running' | 'finished' | 'undone'>(),
    imported: INTEGER,
    present: INTEGER,
    different: INTEGER,
    invalid: INTEGER,
    created_at: INTEGER,
    finished_at: NULLABLE_INTEGER,
    undone_at: NULLABLE_INTEGER,
    event_id: TEXT,
  },
  imported_keys: {
    key_id: KEY_TEXT,
    import_id: TEXT,
    line: INTEGER,
    secret_form: NULLABLE_TEXT,
    pepper_id: NULLABLE_TEXT,
    secret_start: TEXT,
    last_used_at: NULLABLE_INTEGER,
    upgraded_at: NULLABLE_INTEGER,
  },
  peppers: {
    id: KEY_TEXT,
    account_id: TEXT,
    name: TEXT,
    sealed_pepper: TEXT,
    created_at: INTEGER,
    event_id: TEXT,
  },
  key_sources: { key_id: KEY_TEXT, source_id: KEY_TEXT },
  key_sites: { key_id: KEY_TEXT, site_id: KEY_TEXT },
  used_assertions: { key_id: KEY_TEXT, jti_hash: KEY_TEXT, ends_at: INTEGER },
  revoked_tokens: { account_id: KEY_TEXT, token_id: KEY_TEXT, ends_at: INTEGER },
  secret_proofs: { key_id: KEY_TEXT, network: KEY_TEXT, secret_hash: TEXT, proven_at: INTEGER },
  key_uses: { key_id: KEY_TEXT, day: KEY_INTEGER, uses: INTEGER },
  oauth_uses: { resource_id: KEY_TEXT, first_at: INTEGER, last_at: INTEGER },
  sunsets: {
    id: KEY_TEXT,
    account_id: TEXT,
    key_type: column<
      'redox' | 'xenrad' | 'opendental' | 'opendental-portal' | 'xdent' | 'practice'
    >(),
    source_id: NULLABLE_TEXT,
    site_id: NULLABLE_TEXT,
    deprecated_at: INTEGER,
    sunset_at: INTEGER,
    documentation_url: NULLABLE_TEXT,
    brownouts: TEXT,
    created_at: INTEGER,
    event_id: TEXT,
  },
  traffic: {
    account_id: KEY_TEXT,
    hour: KEY_INTEGER,
    key_type: KEY_TEXT,
    outcome: KEY_TEXT,
    requests: INTEGER,
  },
  grants: {
    id: KEY_TEXT,
    key_id: TEXT,
    generation: INTEGER,
    rotated_at: INTEGER,
    acknowledged_at: NULLABLE_INTEGER,
    revoked_at: NULLABLE_INTEGER,
    expires_at: INTEGER,
    event_id: NULLABLE_TEXT,
  },
  messages: {
    id: KEY_TEXT,
    serial: INTEGER,
    key_id: TEXT,
    source_id: TEXT,
    data_model: TEXT,
    event_type: TEXT,
    test: INTEGER,
    received_at: INTEGER,
    sealed_payload: TEXT,
    erased_at: NULLABLE_INTEGER,
    payload_part_count: INTEGER,
  },
  payload_parts: { message_id: KEY_TEXT, part: KEY_INTEGER, created_at: INTEGER, sealed: TEXT },
  message_periods: { owner_id: KEY_TEXT, period: KEY_TEXT },
  message_id_blocks: { next: INTEGER },
  deliveries: {
    message_id: KEY_TEXT,
    position: KEY_INTEGER,
    id: TEXT,
    attempt_id: TEXT,
    subscription_id: TEXT,
    destination_id: TEXT,
    status: column<'queued' | 'delivered' | 'skipped'>(),
    queue_position: INTEGER,
    attempts: INTEGER,
    settled_at: NULLABLE_INTEGER,
    event_id: NULLABLE_TEXT,
  },
  attempts: {
    message_id: KEY_TEXT,
    position: KEY_INTEGER,
    number: KEY_INTEGER,
    at: INTEGER,
    ms: INTEGER,
    outcome: column<'delivered' | 'refused' | 'failed' | 'forbidden'>(),
    http_status: NULLABLE_INTEGER,
    detail: TEXT,
  },
  audit_events: {
    id: KEY_TEXT,
    at: INTEGER,
    actor: TEXT,
    action: TEXT,
    subject: TEXT,
    facts: TEXT,
    request_id: NULLABLE_TEXT,
    sequence: NULLABLE_INTEGER,
    seal: NULLABLE_TEXT,
    account_id: NULLABLE_TEXT,
  },
  audit_chain: { sequence: INTEGER, seal: TEXT },
  audit_checkpoints: {
    sequence: KEY_INTEGER,
    first: KEY_INTEGER,
    seal: TEXT,
    at: INTEGER,
    signature: TEXT,
  },
  probes: { id: KEY_TEXT, bytes: TEXT },
} satisfies Record<string, Record<string, Column<unknown>>>

/** The rows of schema.sql as Kysely types. */
export type Tables = {
  [Name in keyof typeof TABLES]: {
    [ColumnName in keyof (typeof TABLES)[Name]]: (typeof TABLES)[Name][ColumnName] extends Column<
      infer Value
    >
      ? Value
      : never
  }
}

export type TableName = keyof Tables

/** A table's columns, and those that order its rows. */
export interface TableShape {
  readonly name: TableName
  /** The primary key; empty for a table of one row. */
  readonly key: readonly string[]
  readonly columns: readonly string[]
}

export const listColumns = <Name extends TableName>(name: Name) =>
  Object.keys(TABLES[name]) as (keyof Tables[Name] & string)[]

export const getColumnType = <Name extends TableName>(
  table: Name,
  name: keyof Tables[Name] & string,
): ColumnType => (TABLES[table] as Readonly<Record<string, Column<unknown>>>)[name]?.type ?? 'text'

type CamelCase<Name extends string> = Name extends `${infer First}_${infer Rest}`
  ? `${First}${Capitalize<CamelCase<Rest>>}`
  : Name

/** A row as the services have it: `accountId` for `account_id`, without the event of its last change. */
export type RowValue<Name extends TableName> = {
  readonly [ColumnName in keyof Tables[Name] & string as ColumnName extends 'event_id'
    ? never
    : CamelCase<ColumnName>]: Tables[Name][ColumnName]
}

/** Converts the rows of a table, for tables whose columns are the members of a value. */
export function createRowMapping<Name extends TableName>(table: Name) {
  const members = listColumns(table)
    .filter((columnName) => columnName !== 'event_id')
    .map((columnName) => [columnName, toCamelCase(columnName)] as const)
  type Values = Readonly<Record<string, unknown>>
  return {
    toRow(value: RowValue<Name>, eventId: string): Tables[Name] {
      const columns = members.map(([columnName, member]) => [columnName, (value as Values)[member]])
      return { ...Object.fromEntries(columns), event_id: eventId }
    },
    fromRow: (row: Tables[Name]): RowValue<Name> =>
      Object.fromEntries(
        members.map(([columnName, member]) => [member, row[columnName]]),
      ) as RowValue<Name>,
  }
}

const toCamelCase = (columnName: string) =>
  columnName.replace(/_(\w)/g, (_, letter: string) => letter.toUpperCase())

/** Every table of schema.sql. */
export const TABLE_SHAPES: readonly TableShape[] = Object.entries<Record<string, Column<unknown>>>(
  TABLES,
).map(([name, columns]) => ({
  name: name as TableName,
  key: Object.keys(columns).filter((columnName) => columns[columnName]?.isKey),
  columns: Object.keys(columns),
}))

/** The tables without those of one row, which schema.sql inserts. */
export const KEYED_TABLE_SHAPES: readonly TableShape[] = TABLE_SHAPES.filter(
  (table) => table.key.length > 0,
)

/** The version of schema.sql that this code reads and writes. */
export const SCHEMA_VERSION = 8

/** The stored data model of a subscription to every one: a column of a unique index cannot be null. */
export const ALL_DATA_MODELS = '*'

export const parseDataModel = (stored: string): string | null =>
  stored === ALL_DATA_MODELS ? null : stored
