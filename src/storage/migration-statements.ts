/* Version 4 to 5 recognizes owners before the slow hash, and stores ids in one spelling. */

/** Tests if a public id is a UUID in any case. The three engines share no regular expressions. */
const IS_UUID_CONDITION = `(public_id LIKE '________-____-____-____-____________'
    AND length(replace(public_id, '-', '')) = 32
    AND trim(lower(replace(public_id, '-', '')), '0123456789abcdef') = '')`

/** Selects the keys that lose their public id to another key that has it in another case. */
const SUPERSEDED_KEYS_QUERY = `(
    SELECT id FROM (
      SELECT id, row_number() OVER (
        PARTITION BY lower(public_id)
        ORDER BY CASE WHEN status = 'revoked' THEN 1 ELSE 0 END,
          coalesce(last_used_at, created_at) DESC, id DESC
      ) AS place FROM keys WHERE ${IS_UUID_CONDITION}
    ) AS ranked WHERE place > 1
  )`

/**
 * Stores each public id that is a UUID in lower case, as it is looked up. Of keys that differ only in
 * case, the one that was used last, and is not revoked, keeps the id. The others are revoked, each with
 * an event, and their row id is appended to their public id. (The event's id is the key's id as a UUIDv8,
 * and its time is that of the newest event, because these statements have no clock.)
 */
const PUBLIC_ID_STATEMENTS: readonly string[] = [
  `INSERT INTO audit_events (id, at, actor, action, subject, facts, account_id)
    SELECT substr(id, 1, 14) || '8' || substr(id, 16),
      coalesce((SELECT max(at) FROM audit_events), created_at), 'server', 'key.revoked', id,
      '{"because":"another key has its public id in another case"}', account_id
    FROM keys WHERE status <> 'revoked' AND id IN ${SUPERSEDED_KEYS_QUERY}`,
  `UPDATE keys SET public_id = lower(public_id) || '.' || id,
    status = 'revoked',
    revoked_at = coalesce(revoked_at, last_used_at, created_at),
    event_id = CASE WHEN status = 'revoked' THEN event_id
      ELSE substr(id, 1, 14) || '8' || substr(id, 16) END
    WHERE id IN ${SUPERSEDED_KEYS_QUERY}`,
  `UPDATE keys SET public_id = lower(public_id)
    WHERE public_id <> lower(public_id) AND ${IS_UUID_CONDITION}`,
  'UPDATE authority SET version = version + 1',
]

/** Existing keys get no digest here: it is written at the first proof of their secret. */
const SECRET_PROOF_STATEMENTS: readonly string[] = [
  'ALTER TABLE keys ADD COLUMN secret_digest TEXT',
  'ALTER TABLE keys ADD COLUMN previous_secret_digest TEXT',
  `CREATE TABLE secret_proofs (
    key_id TEXT NOT NULL,
    network TEXT NOT NULL,
    secret_hash TEXT NOT NULL,
    proven_at BIGINT NOT NULL,
    PRIMARY KEY (key_id, network)
  )`,
]

/** `/ready` writes one row to this table. */
const PROBE_STATEMENTS: readonly string[] = [
  'CREATE TABLE probes (id TEXT PRIMARY KEY, bytes TEXT NOT NULL)',
]

/** Message ids are claimed in blocks, each by one process. */
const MESSAGE_ID_STATEMENTS: readonly string[] = [
  'CREATE TABLE message_id_blocks (next BIGINT NOT NULL)',
  'INSERT INTO message_id_blocks (next) VALUES (1)',
]

export const VERSION_5_STATEMENTS: readonly string[] = [
  ...PUBLIC_ID_STATEMENTS,
  ...SECRET_PROOF_STATEMENTS,
  ...PROBE_STATEMENTS,
  ...MESSAGE_ID_STATEMENTS,
]

/**
 * Version 5 to 6 renames tables and columns to the words that the API uses, and stores long payloads in
 * parts. PostgreSQL keeps the name of a renamed column's CHECK, which nothing reads.
 */
export const VERSION_6_STATEMENTS: readonly string[] = [
  'ALTER TABLE accounts RENAME COLUMN departed_keys TO offboarding_policy',
  'ALTER TABLE accounts RENAME COLUMN addresses_enforced TO ip_allowlist_enforced',
  `CREATE TABLE ip_allowlist_entries (
    id TEXT PRIMARY KEY,
    account_id TEXT NOT NULL REFERENCES accounts (id),
    network TEXT NOT NULL,
    note TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    event_id TEXT NOT NULL,
    UNIQUE (account_id, network)
  )`,
  `INSERT INTO ip_allowlist_entries (id, account_id, network, note, created_at, event_id)
    SELECT id, account_id, network, note, created_at, event_id FROM address_rules`,
  'DROP TABLE address_rules',
  'ALTER TABLE users RENAME COLUMN left_at TO deactivated_at',
  'ALTER TABLE keys RENAME COLUMN dialect TO key_type',
  'ALTER TABLE keys RENAME COLUMN secret_replaced_at TO secret_rotated_at',
  'ALTER TABLE traffic RENAME COLUMN dialect TO key_type',
  "UPDATE traffic SET outcome = 'failures_exceeded' WHERE outcome = 'guessing'",
  'ALTER TABLE deliveries RENAME COLUMN place TO queue_position',
  `ALTER TABLE messages ADD COLUMN payload_part_count BIGINT NOT NULL DEFAULT 0
    CHECK (payload_part_count >= 0)`,
  `CREATE TABLE payload_parts (
    message_id TEXT NOT NULL,
    part BIGINT NOT NULL,
    created_at BIGINT NOT NULL,
    sealed TEXT NOT NULL,
    PRIMARY KEY (message_id, part)
  )`,
]

/** The columns of keys, in the order of schema.sql. */
const KEY_COLUMNS_7 = `
  id, account_id, owner_id, key_type, source_id, site_id, developer_id, public_id, name,
  description, reference, status, disabled_by, access, secret_hash, sealed_secret,
  previous_secret_hash, previous_secret_ends_at, token_salt, token_epoch, created_at,
  assigned_at, expires_at, disabled_at, revoked_at, secret_rotated_at, last_used_at, event_id,
  secret_digest, previous_secret_digest`

/**
 * Version 6 to 7 adds OAuth clients, and the periods of messages, by which their lists are read. A client is
 * a key that may have no secret: the table of keys is rebuilt, because SQLite cannot change a constraint.
 */
export const VERSION_7_STATEMENTS: readonly string[] = [
  'CREATE TABLE keys_6 AS SELECT * FROM keys',
  'DROP TABLE keys',
  `CREATE TABLE keys (
    id TEXT PRIMARY KEY,
    account_id TEXT NOT NULL REFERENCES accounts (id),
    owner_id TEXT NOT NULL REFERENCES users (id),
    key_type TEXT NOT NULL CHECK (key_type IN ('redox', 'xenrad', 'opendental', 'opendental-portal', 'xdent', 'practice', 'oauth')),
    source_id TEXT REFERENCES sources (id),
    site_id TEXT REFERENCES sites (id),
    developer_id TEXT REFERENCES developers (id),
    public_id TEXT NOT NULL UNIQUE,
    name TEXT NOT NULL,
    description TEXT NOT NULL,
    reference TEXT NOT NULL,
    status TEXT NOT NULL CHECK (status IN ('enabled', 'disabled', 'revoked')),
    disabled_by TEXT CHECK (disabled_by IN ('developer', 'customer', 'operator')),
    access TEXT NOT NULL CHECK (access IN ('read', 'standard', 'enterprise')),
    secret_hash TEXT CHECK (secret_hash IS NOT NULL OR key_type = 'oauth'),
    sealed_secret TEXT,
    previous_secret_hash TEXT,
    previous_secret_ends_at BIGINT,
    token_salt TEXT NOT NULL,
    token_epoch BIGINT NOT NULL,
    created_at BIGINT NOT NULL,
    assigned_at BIGINT,
    expires_at BIGINT,
    disabled_at BIGINT,
    revoked_at BIGINT,
    secret_rotated_at BIGINT,
    last_used_at BIGINT,
    event_id TEXT NOT NULL,
    secret_digest TEXT,
    previous_secret_digest TEXT,
    CHECK ((key_type = 'redox') = (source_id IS NOT NULL))
  )`,
  `INSERT INTO keys (${KEY_COLUMNS_7}) SELECT ${KEY_COLUMNS_7} FROM keys_6`,
  'DROP TABLE keys_6',
  `CREATE INDEX keys_by_account ON keys (account_id, id, owner_id, name, public_id, reference)`,
  `CREATE INDEX keys_by_name ON keys (account_id, lower(name), id)`,
  `CREATE INDEX keys_by_expiry ON keys (account_id, coalesce(expires_at, 9007199254740991), id)`,
  `CREATE INDEX keys_by_owner ON keys (owner_id)`,
  `CREATE INDEX keys_by_site ON keys (site_id, id) WHERE site_id IS NOT NULL`,
  `CREATE INDEX keys_by_developer ON keys (developer_id, id) WHERE developer_id IS NOT NULL`,
  `CREATE UNIQUE INDEX keys_living_by_source ON keys (source_id) WHERE status <> 'revoked'`,
  `CREATE UNIQUE INDEX keys_by_secret ON keys (secret_hash) WHERE key_type <> 'redox'`,
  `CREATE INDEX keys_by_previous_secret ON keys (previous_secret_hash) WHERE previous_secret_hash IS NOT NULL`,
  'ALTER TABLE authority ADD COLUMN token_revocations BIGINT NOT NULL DEFAULT 0',
  `CREATE TABLE oauth_clients (
    key_id TEXT PRIMARY KEY,
    authentication_method TEXT NOT NULL CHECK (authentication_method IN ('private_key_jwt', 'client_secret_basic', 'client_secret_post')),
    jwks_url TEXT,
    jwks TEXT,
    scopes TEXT NOT NULL,
    audience TEXT,
    token_strategy TEXT NOT NULL CHECK (token_strategy IN ('jwt', 'opaque')),
    signing_algorithm TEXT NOT NULL CHECK (signing_algorithm IN ('ES256', 'RS256', 'EdDSA')),
    token_type_header TEXT NOT NULL CHECK (token_type_header IN ('at+jwt', 'JWT')),
    token_lifetime_seconds BIGINT NOT NULL CHECK (token_lifetime_seconds BETWEEN 60 AND 3600),
    repeated_assertions TEXT NOT NULL CHECK (repeated_assertions IN ('refused', 'allowed')),
    assertion_refused_at BIGINT,
    assertion_refusal TEXT,
    CHECK ((authentication_method = 'private_key_jwt') = (jwks_url IS NOT NULL OR jwks IS NOT NULL))
  )`,
  `CREATE TABLE key_sources (
    key_id TEXT NOT NULL,
    source_id TEXT NOT NULL REFERENCES sources (id),
    PRIMARY KEY (key_id, source_id)
  )`,
  `CREATE INDEX key_sources_by_source ON key_sources (source_id)`,
  `CREATE TABLE key_sites (
    key_id TEXT NOT NULL,
    site_id TEXT NOT NULL REFERENCES sites (id),
    PRIMARY KEY (key_id, site_id)
  )`,
  `CREATE INDEX key_sites_by_site ON key_sites (site_id)`,
  `CREATE TABLE used_assertions (
    key_id TEXT NOT NULL,
    jti_hash TEXT NOT NULL,
    ends_at BIGINT NOT NULL,
    PRIMARY KEY (key_id, jti_hash)
  )`,
  `CREATE INDEX used_assertions_by_end ON used_assertions (ends_at)`,
  `CREATE TABLE revoked_tokens (
    account_id TEXT NOT NULL,
    token_id TEXT NOT NULL,
    ends_at BIGINT NOT NULL,
    PRIMARY KEY (account_id, token_id)
  )`,
  `CREATE INDEX revoked_tokens_by_end ON revoked_tokens (ends_at)`,
  `CREATE INDEX subscriptions_leased ON subscriptions (leased_by) WHERE leased_by IS NOT NULL`,
  `CREATE TABLE message_periods (
    owner_id TEXT NOT NULL,
    period TEXT NOT NULL,
    PRIMARY KEY (owner_id, period)
  )`,
  `INSERT INTO message_periods (owner_id, period)
    SELECT source_id, substr(id, 1, 7) FROM messages
    UNION SELECT account_id, substr(messages.id, 1, 7) FROM messages
      JOIN sources ON sources.id = messages.source_id
    UNION SELECT 'test', substr(id, 1, 7) FROM messages WHERE test = 1
    UNION SELECT destination_id, substr(message_id, 1, 7) FROM deliveries
    UNION SELECT subscription_id, substr(message_id, 1, 7) FROM deliveries`,
]

/**
 * Version 7 to 8 adds imports of keys, with the peppers of their hashes; the plans to retire keys, and what
 * shows that their owners have moved to OAuth.
 */
export const VERSION_8_STATEMENTS: readonly string[] = [
  `CREATE TABLE imports (
    id TEXT PRIMARY KEY,
    account_id TEXT REFERENCES accounts (id),
    file_name TEXT NOT NULL,
    file_digest TEXT,
    status TEXT NOT NULL CHECK (status IN ('running', 'finished', 'undone')),
    imported BIGINT NOT NULL,
    present BIGINT NOT NULL,
    different BIGINT NOT NULL,
    invalid BIGINT NOT NULL,
    created_at BIGINT NOT NULL,
    finished_at BIGINT,
    undone_at BIGINT,
    event_id TEXT NOT NULL
  )`,
  `CREATE INDEX imports_by_account ON imports (account_id, id) WHERE account_id IS NOT NULL`,
  `CREATE TABLE imported_keys (
    key_id TEXT PRIMARY KEY,
    import_id TEXT NOT NULL REFERENCES imports (id),
    line BIGINT NOT NULL,
    secret_form TEXT,
    pepper_id TEXT,
    secret_start TEXT NOT NULL,
    last_used_at BIGINT,
    upgraded_at BIGINT
  )`,
  `CREATE INDEX imported_keys_by_import ON imported_keys (import_id, key_id)`,
  `CREATE INDEX imported_keys_by_pepper ON imported_keys (pepper_id) WHERE pepper_id IS NOT NULL`,
  `CREATE TABLE peppers (
    id TEXT PRIMARY KEY,
    account_id TEXT NOT NULL REFERENCES accounts (id),
    name TEXT NOT NULL,
    sealed_pepper TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    event_id TEXT NOT NULL,
    UNIQUE (account_id, name)
  )`,
  `CREATE INDEX keys_by_salt ON keys (key_type, token_salt)`,
  'CREATE INDEX sites_by_name ON sites (account_id, name)',
  'CREATE INDEX developers_by_name ON developers (account_id, name)',
  'CREATE INDEX sources_by_name ON sources (account_id, name)',
  'ALTER TABLE keys ADD COLUMN user_agent TEXT',
  `CREATE TABLE oauth_uses (
    resource_id TEXT PRIMARY KEY,
    first_at BIGINT NOT NULL,
    last_at BIGINT NOT NULL
  )`,
  `CREATE TABLE sunsets (
    id TEXT PRIMARY KEY,
    account_id TEXT NOT NULL REFERENCES accounts (id),
    key_type TEXT NOT NULL CHECK (key_type IN ('redox', 'xenrad', 'opendental', 'opendental-portal', 'xdent', 'practice')),
    source_id TEXT REFERENCES sources (id),
    site_id TEXT REFERENCES sites (id),
    deprecated_at BIGINT NOT NULL,
    sunset_at BIGINT NOT NULL CHECK (sunset_at >= deprecated_at),
    documentation_url TEXT,
    brownouts TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    event_id TEXT NOT NULL,
    CHECK (source_id IS NULL OR site_id IS NULL)
  )`,
  `CREATE UNIQUE INDEX sunsets_by_keys ON sunsets (account_id, key_type, coalesce(source_id, ''), coalesce(site_id, ''))`,
  `INSERT INTO message_periods (owner_id, period)
    SELECT DISTINCT source_id || ' ' || destination_id, substr(messages.id, 1, 7)
    FROM messages JOIN deliveries ON deliveries.message_id = messages.id`,
]
