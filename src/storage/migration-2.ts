/*
 * From version 1 to 2: keys of every dialect. No table refers to `keys`, so it is made anew: SQLite
 * cannot take a NOT NULL off a column. Its rows wait elsewhere meanwhile, and not the other way round:
 * PostgreSQL names constraints after the table for which they are made, and renames none.
 */

const ACCOUNTS = [
  "ALTER TABLE accounts ADD COLUMN departed_keys TEXT NOT NULL DEFAULT 'keep' CHECK (departed_keys IN ('keep', 'disable'))",
  'ALTER TABLE accounts ADD COLUMN addresses_enforced BIGINT NOT NULL DEFAULT 0 CHECK (addresses_enforced IN (0, 1))',
  `CREATE TABLE address_rules (
    id TEXT PRIMARY KEY,
    account_id TEXT NOT NULL REFERENCES accounts (id),
    network TEXT NOT NULL,
    note TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    event_id TEXT NOT NULL,
    UNIQUE (account_id, network)
  )`,
  `CREATE TABLE sites (
    id TEXT PRIMARY KEY,
    account_id TEXT NOT NULL REFERENCES accounts (id),
    name TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    event_id TEXT NOT NULL
  )`,
  'CREATE INDEX sites_by_account ON sites (account_id, id)',
  'ALTER TABLE users ADD COLUMN username TEXT',
  'ALTER TABLE users ADD COLUMN left_at BIGINT',
  'CREATE UNIQUE INDEX users_by_username ON users (username)',
  `CREATE TABLE developers (
    id TEXT PRIMARY KEY,
    account_id TEXT NOT NULL REFERENCES accounts (id),
    name TEXT NOT NULL,
    developer_key TEXT NOT NULL UNIQUE,
    created_at BIGINT NOT NULL,
    event_id TEXT NOT NULL
  )`,
  'CREATE INDEX developers_by_account ON developers (account_id, id)',
]

const KEYS = [
  'CREATE TABLE keys_1 AS SELECT * FROM keys',
  'DROP TABLE keys',
  `CREATE TABLE keys (
    id TEXT PRIMARY KEY,
    account_id TEXT NOT NULL REFERENCES accounts (id),
    owner_id TEXT NOT NULL REFERENCES users (id),
    dialect TEXT NOT NULL CHECK (dialect IN ('redox', 'xenrad', 'opendental', 'opendental-portal', 'xdent', 'practice')),
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
    secret_hash TEXT NOT NULL,
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
    secret_replaced_at BIGINT,
    last_used_at BIGINT,
    event_id TEXT NOT NULL,
    CHECK ((dialect = 'redox') = (source_id IS NOT NULL))
  )`,
  `INSERT INTO keys (
    id, account_id, owner_id, dialect, source_id, public_id, name, description, reference, status,
    disabled_by, access, secret_hash, previous_secret_hash, previous_secret_ends_at, token_salt,
    token_epoch, created_at, expires_at, disabled_at, revoked_at, secret_replaced_at, event_id
  ) SELECT
    id, account_id, owner_id, 'redox', source_id, public_id, name, '', '', status,
    CASE WHEN status = 'disabled' THEN 'operator' END, 'standard', secret_hash,
    previous_secret_hash, previous_secret_ends_at, token_salt, token_epoch, created_at,
    expires_at, disabled_at, revoked_at, secret_replaced_at, event_id
  FROM keys_1`,
  'DROP TABLE keys_1',
  'CREATE INDEX keys_by_account ON keys (account_id, id)',
  'CREATE INDEX keys_by_owner ON keys (owner_id)',
  'CREATE INDEX keys_by_developer ON keys (developer_id, id) WHERE developer_id IS NOT NULL',
  "CREATE UNIQUE INDEX keys_living_by_source ON keys (source_id) WHERE status <> 'revoked'",
  "CREATE UNIQUE INDEX keys_by_secret ON keys (secret_hash) WHERE dialect <> 'redox'",
  'CREATE INDEX keys_by_previous_secret ON keys (previous_secret_hash) WHERE previous_secret_hash IS NOT NULL',
  `CREATE TABLE key_uses (
    key_id TEXT NOT NULL,
    day BIGINT NOT NULL,
    uses BIGINT NOT NULL,
    PRIMARY KEY (key_id, day)
  )`,
]

export const EVERY_DIALECT: readonly string[] = [...ACCOUNTS, ...KEYS]
