/** The rows of schema.sql as Kysely types. Booleans are 0 and 1, the only form that all engines share. */
export interface Tables {
  schema_version: { version: number }
  authority: { version: number }
  probes: { id: string; bytes: string }
  message_id_blocks: { next: number }
  accounts: {
    id: string
    name: string
    region: string
    status: 'open' | 'closed'
    created_at: number
    event_id: string
    offboarding_policy: 'keep' | 'disable'
    ip_allowlist_enforced: number
  }
  ip_allowlist_entries: {
    id: string
    account_id: string
    network: string
    note: string
    created_at: number
    event_id: string
  }
  sites: {
    id: string
    account_id: string
    name: string
    created_at: number
    event_id: string
  }
  users: {
    id: string
    account_id: string
    email: string
    role: 'operator' | 'administrator' | 'engineer' | 'member'
    created_at: number
    event_id: string
    username: string | null
    deactivated_at: number | null
    password_hash: string | null
    sealed_totp: string | null
    totp_step: number | null
  }
  developers: {
    id: string
    account_id: string
    name: string
    developer_key: string
    created_at: number
    event_id: string
  }
  sessions: {
    id: string
    digest: string
    user_id: string
    kind: 'browser' | 'token'
    name: string
    created_at: number
    seen_at: number
    expires_at: number
    event_id: string
  }
  invitations: {
    id: string
    digest: string
    user_id: string | null
    created_at: number
    expires_at: number
    event_id: string
  }
  recovery_codes: {
    user_id: string
    digest: string
  }
  sign_in_failures: {
    id: string
    failures: number
    last_at: number
  }
  sources: {
    id: string
    account_id: string
    name: string
    created_at: number
    event_id: string
  }
  destinations: {
    id: string
    account_id: string
    name: string
    url: string | null
    development: number
    verified_at: number | null
    created_at: number
    event_id: string
    verification_token: string | null
    verification_method: 'POST' | 'GET'
  }
  subscriptions: {
    id: string
    source_id: string
    destination_id: string
    data_model: string
    status: 'active' | 'paused'
    created_at: number
    event_id: string
    due_at: number
    attempts: number
    leased_by: string | null
    leased_until: number | null
  }
  keys: {
    id: string
    account_id: string
    owner_id: string
    key_type: 'redox' | 'xenrad' | 'opendental' | 'opendental-portal' | 'xdent' | 'practice'
    source_id: string | null
    site_id: string | null
    developer_id: string | null
    public_id: string
    name: string
    description: string
    reference: string
    status: 'enabled' | 'disabled' | 'revoked'
    disabled_by: 'developer' | 'customer' | 'operator' | null
    access: 'read' | 'standard' | 'enterprise'
    secret_hash: string
    sealed_secret: string | null
    previous_secret_hash: string | null
    previous_secret_ends_at: number | null
    token_salt: string
    token_epoch: number
    created_at: number
    assigned_at: number | null
    expires_at: number | null
    disabled_at: number | null
    revoked_at: number | null
    secret_rotated_at: number | null
    last_used_at: number | null
    event_id: string
    secret_digest: string | null
    previous_secret_digest: string | null
  }
  secret_proofs: {
    key_id: string
    network: string
    secret_hash: string
    proven_at: number
  }
  key_uses: {
    key_id: string
    day: number
    uses: number
  }
  traffic: {
    account_id: string
    hour: number
    key_type: string
    outcome: string
    requests: number
  }
  grants: {
    id: string
    key_id: string
    generation: number
    rotated_at: number
    acknowledged_at: number | null
    revoked_at: number | null
    expires_at: number
    event_id: string | null
  }
  messages: {
    id: string
    serial: number
    key_id: string
    source_id: string
    data_model: string
    event_type: string
    test: number
    received_at: number
    sealed_payload: string
    erased_at: number | null
    payload_part_count: number
  }
  payload_parts: {
    message_id: string
    part: number
    created_at: number
    sealed: string
  }
  deliveries: {
    message_id: string
    position: number
    id: string
    attempt_id: string
    subscription_id: string
    destination_id: string
    status: 'queued' | 'delivered' | 'skipped'
    queue_position: number
    attempts: number
    settled_at: number | null
    event_id: string | null
  }
  attempts: {
    message_id: string
    position: number
    number: number
    at: number
    ms: number
    outcome: 'delivered' | 'refused' | 'failed' | 'forbidden'
    http_status: number | null
    detail: string
  }
  audit_events: {
    id: string
    at: number
    actor: string
    action: string
    subject: string
    facts: string
    request_id: string | null
    sequence: number | null
    seal: string | null
    account_id: string | null
  }
  audit_chain: {
    sequence: number
    seal: string
  }
  audit_checkpoints: {
    sequence: number
    first: number
    seal: string
    at: number
    signature: string
  }
}

/** The version of schema.sql that this code reads and writes. */
export const SCHEMA_VERSION = 6

/** The stored data model of a subscription to every one: a column of a unique index cannot be null. */
export const ALL_DATA_MODELS = '*'

export const parseDataModel = (stored: string): string | null =>
  stored === ALL_DATA_MODELS ? null : stored
