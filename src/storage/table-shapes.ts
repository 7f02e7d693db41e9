import type { Tables } from './tables.ts'

export type TableName = keyof Tables

/** A table's columns, and those that order its rows. */
export interface TableShape {
  readonly name: TableName
  /** The primary key; empty for a table of one row. */
  readonly key: readonly string[]
  readonly columns: readonly string[]
}

type ColumnRoles<Name extends TableName> = Readonly<Record<keyof Tables[Name] & string, 'key' | ''>>

/** A missing table or column does not compile. Each table follows those that it refers to. */
const COLUMN_ROLES: { readonly [Name in TableName]: ColumnRoles<Name> } = {
  schema_version: { version: '' },
  authority: { version: '' },
  accounts: {
    id: 'key',
    name: '',
    region: '',
    status: '',
    created_at: '',
    event_id: '',
    offboarding_policy: '',
    ip_allowlist_enforced: '',
  },
  ip_allowlist_entries: {
    id: 'key',
    account_id: '',
    network: '',
    note: '',
    created_at: '',
    event_id: '',
  },
  sites: { id: 'key', account_id: '', name: '', created_at: '', event_id: '' },
  users: {
    id: 'key',
    account_id: '',
    email: '',
    role: '',
    created_at: '',
    event_id: '',
    username: '',
    deactivated_at: '',
    password_hash: '',
    sealed_totp: '',
    totp_step: '',
  },
  developers: {
    id: 'key',
    account_id: '',
    name: '',
    developer_key: '',
    created_at: '',
    event_id: '',
  },
  sessions: {
    id: 'key',
    digest: '',
    user_id: '',
    kind: '',
    name: '',
    created_at: '',
    seen_at: '',
    expires_at: '',
    event_id: '',
  },
  invitations: {
    id: 'key',
    digest: '',
    user_id: '',
    created_at: '',
    expires_at: '',
    event_id: '',
  },
  recovery_codes: { user_id: 'key', digest: 'key' },
  sign_in_failures: { id: 'key', failures: '', last_at: '' },
  sources: { id: 'key', account_id: '', name: '', created_at: '', event_id: '' },
  destinations: {
    id: 'key',
    account_id: '',
    name: '',
    url: '',
    development: '',
    verified_at: '',
    created_at: '',
    event_id: '',
    verification_token: '',
    verification_method: '',
  },
  subscriptions: {
    id: 'key',
    source_id: '',
    destination_id: '',
    data_model: '',
    status: '',
    created_at: '',
    event_id: '',
    due_at: '',
    attempts: '',
    leased_by: '',
    leased_until: '',
  },
  keys: {
    id: 'key',
    account_id: '',
    owner_id: '',
    key_type: '',
    source_id: '',
    site_id: '',
    developer_id: '',
    public_id: '',
    name: '',
    description: '',
    reference: '',
    status: '',
    disabled_by: '',
    access: '',
    secret_hash: '',
    sealed_secret: '',
    previous_secret_hash: '',
    previous_secret_ends_at: '',
    token_salt: '',
    token_epoch: '',
    created_at: '',
    assigned_at: '',
    expires_at: '',
    disabled_at: '',
    revoked_at: '',
    secret_rotated_at: '',
    last_used_at: '',
    event_id: '',
    secret_digest: '',
    previous_secret_digest: '',
  },
  secret_proofs: { key_id: 'key', network: 'key', secret_hash: '', proven_at: '' },
  key_uses: { key_id: 'key', day: 'key', uses: '' },
  traffic: { account_id: 'key', hour: 'key', key_type: 'key', outcome: 'key', requests: '' },
  grants: {
    id: 'key',
    key_id: '',
    generation: '',
    rotated_at: '',
    acknowledged_at: '',
    revoked_at: '',
    expires_at: '',
    event_id: '',
  },
  messages: {
    id: 'key',
    serial: '',
    key_id: '',
    source_id: '',
    data_model: '',
    event_type: '',
    test: '',
    received_at: '',
    sealed_payload: '',
    erased_at: '',
  },
  message_id_blocks: { next: '' },
  deliveries: {
    message_id: 'key',
    position: 'key',
    id: '',
    attempt_id: '',
    subscription_id: '',
    destination_id: '',
    status: '',
    queue_position: '',
    attempts: '',
    settled_at: '',
    event_id: '',
  },
  attempts: {
    message_id: 'key',
    position: 'key',
    number: 'key',
    at: '',
    ms: '',
    outcome: '',
    http_status: '',
    detail: '',
  },
  audit_events: {
    id: 'key',
    at: '',
    actor: '',
    action: '',
    subject: '',
    facts: '',
    request_id: '',
    sequence: '',
    seal: '',
    account_id: '',
  },
  audit_chain: { sequence: '', seal: '' },
  audit_checkpoints: { sequence: 'key', first: 'key', seal: '', at: '', signature: '' },
  probes: { id: 'key', bytes: '' },
}

export const listColumns = <Name extends TableName>(name: Name) =>
  Object.keys(COLUMN_ROLES[name]) as (keyof Tables[Name] & string)[]

/** Every table of schema.sql. */
export const TABLE_SHAPES: readonly TableShape[] = Object.entries<Record<string, string>>(
  COLUMN_ROLES,
).map(([name, columns]) => ({
  name: name as TableName,
  key: Object.keys(columns).filter((column) => columns[column] === 'key'),
  columns: Object.keys(columns),
}))

/** The tables without those of one row, which schema.sql inserts. */
export const KEYED_TABLE_SHAPES: readonly TableShape[] = TABLE_SHAPES.filter(
  ({ key }) => key.length > 0,
)
