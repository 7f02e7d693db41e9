/*
 * From version 3 to 4: people sign in, requests are counted, and events say whose they are.
 */

const PEOPLE = [
  'ALTER TABLE users ADD COLUMN password_hash TEXT',
  'ALTER TABLE users ADD COLUMN sealed_totp TEXT',
  'ALTER TABLE users ADD COLUMN totp_step BIGINT',
  `CREATE TABLE sessions (
    id TEXT PRIMARY KEY,
    digest TEXT NOT NULL UNIQUE,
    user_id TEXT NOT NULL REFERENCES users (id),
    kind TEXT NOT NULL CHECK (kind IN ('browser', 'token')),
    name TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    seen_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL,
    event_id TEXT NOT NULL
  )`,
  'CREATE INDEX sessions_by_user ON sessions (user_id, id)',
  `CREATE TABLE invitations (
    id TEXT PRIMARY KEY,
    digest TEXT NOT NULL UNIQUE,
    user_id TEXT REFERENCES users (id),
    created_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL,
    event_id TEXT NOT NULL
  )`,
  `CREATE TABLE recovery_codes (
    user_id TEXT NOT NULL REFERENCES users (id),
    digest TEXT NOT NULL,
    PRIMARY KEY (user_id, digest)
  )`,
  `CREATE TABLE sign_in_failures (
    id TEXT PRIMARY KEY,
    failures BIGINT NOT NULL,
    last_at BIGINT NOT NULL
  )`,
]

const TRAFFIC = [
  `CREATE TABLE traffic (
    account_id TEXT NOT NULL,
    hour BIGINT NOT NULL,
    dialect TEXT NOT NULL,
    outcome TEXT NOT NULL,
    requests BIGINT NOT NULL,
    PRIMARY KEY (account_id, hour, dialect, outcome)
  )`,
  'CREATE INDEX traffic_by_hour ON traffic (hour)',
]

const LISTS = [
  'DROP INDEX keys_by_account',
  'CREATE INDEX keys_by_account ON keys (account_id, id, owner_id, name, public_id, reference)',
  'CREATE INDEX keys_by_name ON keys (account_id, lower(name), id)',
  'CREATE INDEX keys_by_expiry ON keys (account_id, coalesce(expires_at, 9007199254740991), id)',
  'CREATE INDEX keys_by_site ON keys (site_id, id) WHERE site_id IS NOT NULL',
  "CREATE INDEX deliveries_skipped ON deliveries (message_id) WHERE status = 'skipped'",
]

/** Whose a subject is that is still there. Of what is gone by now, only an operator sees the events. */
const AUDIT = [
  'ALTER TABLE audit_events ADD COLUMN account_id TEXT',
  `UPDATE audit_events SET account_id = coalesce(
    (SELECT account_id FROM keys WHERE keys.id = subject),
    (SELECT account_id FROM users WHERE users.id = subject),
    (SELECT accounts.id FROM accounts WHERE accounts.id = subject),
    (SELECT account_id FROM developers WHERE developers.id = subject),
    (SELECT account_id FROM sources WHERE sources.id = subject),
    (SELECT account_id FROM destinations WHERE destinations.id = subject),
    (SELECT account_id FROM sites WHERE sites.id = subject),
    (SELECT account_id FROM address_rules WHERE address_rules.id = subject),
    (SELECT account_id FROM grants JOIN keys ON keys.id = grants.key_id WHERE grants.id = subject),
    (SELECT account_id FROM subscriptions JOIN sources ON sources.id = subscriptions.source_id
      WHERE subscriptions.id = subject),
    (SELECT account_id FROM messages JOIN sources ON sources.id = messages.source_id
      WHERE messages.id = subject)
  )`,
  'CREATE INDEX audit_events_by_at ON audit_events (at, id)',
  'CREATE INDEX audit_events_by_account ON audit_events (account_id, at, id) WHERE account_id IS NOT NULL',
]

export const CONSOLE: readonly string[] = [...PEOPLE, ...TRAFFIC, ...LISTS, ...AUDIT]
