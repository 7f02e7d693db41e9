-- What Latchkey keeps. One file for every engine, in the subset that SQLite, PostgreSQL and D1 share:
-- TEXT, BIGINT (milliseconds since 1970), CHECK, partial indexes. Ids are UUIDv7, so that inserts append.

CREATE TABLE schema_version (version BIGINT NOT NULL);
INSERT INTO schema_version (version) VALUES (2);

-- One row. Every change of who may do what bumps it in the same transaction; what was read under
-- the same version still holds.
CREATE TABLE authority (version BIGINT NOT NULL);
INSERT INTO authority (version) VALUES (1);

-- ── Who ──────────────────────────────────────────────────────────────────────────────────────────
-- event_id is the audit event of a row's last change: the change and its event stand or fall together.

CREATE TABLE accounts (
  id TEXT PRIMARY KEY,
  name TEXT NOT NULL,
  region TEXT NOT NULL,
  status TEXT NOT NULL CHECK (status IN ('open', 'closed')),
  created_at BIGINT NOT NULL,
  event_id TEXT NOT NULL
);

CREATE TABLE users (
  id TEXT PRIMARY KEY,
  account_id TEXT NOT NULL REFERENCES accounts (id),
  email TEXT NOT NULL,
  role TEXT NOT NULL CHECK (role IN ('operator', 'administrator', 'engineer', 'member')),
  created_at BIGINT NOT NULL,
  event_id TEXT NOT NULL,
  UNIQUE (account_id, email)
);

-- ── Routes ───────────────────────────────────────────────────────────────────────────────────────

CREATE TABLE sources (
  id TEXT PRIMARY KEY,
  account_id TEXT NOT NULL REFERENCES accounts (id),
  name TEXT NOT NULL,
  created_at BIGINT NOT NULL,
  event_id TEXT NOT NULL
);
CREATE INDEX sources_by_account ON sources (account_id, id);

CREATE TABLE destinations (
  id TEXT PRIMARY KEY,
  account_id TEXT NOT NULL REFERENCES accounts (id),
  name TEXT NOT NULL,
  url TEXT,
  development BIGINT NOT NULL CHECK (development IN (0, 1)),
  verified_at BIGINT,
  created_at BIGINT NOT NULL,
  event_id TEXT NOT NULL
);
CREATE INDEX destinations_by_account ON destinations (account_id, id);

-- data_model '*' is every data model.
CREATE TABLE subscriptions (
  id TEXT PRIMARY KEY,
  source_id TEXT NOT NULL REFERENCES sources (id),
  destination_id TEXT NOT NULL REFERENCES destinations (id),
  data_model TEXT NOT NULL,
  status TEXT NOT NULL CHECK (status IN ('active', 'paused')),
  created_at BIGINT NOT NULL,
  event_id TEXT NOT NULL,
  UNIQUE (source_id, destination_id, data_model)
);

-- ── Keys ─────────────────────────────────────────────────────────────────────────────────────────
-- A source is tied to one living key. Secrets are argon2id hashes; previous_* last as long as an
-- overlap. token_epoch counts the times that all tokens were ended, token_salt is part of every
-- refresh token's tag.

CREATE TABLE keys (
  id TEXT PRIMARY KEY,
  account_id TEXT NOT NULL REFERENCES accounts (id),
  owner_id TEXT NOT NULL REFERENCES users (id),
  source_id TEXT NOT NULL REFERENCES sources (id),
  public_id TEXT NOT NULL UNIQUE,
  name TEXT NOT NULL,
  status TEXT NOT NULL CHECK (status IN ('enabled', 'disabled', 'revoked')),
  secret_hash TEXT NOT NULL,
  previous_secret_hash TEXT,
  previous_secret_ends_at BIGINT,
  token_salt TEXT NOT NULL,
  token_epoch BIGINT NOT NULL,
  created_at BIGINT NOT NULL,
  expires_at BIGINT,
  disabled_at BIGINT,
  revoked_at BIGINT,
  secret_replaced_at BIGINT,
  event_id TEXT NOT NULL
);
CREATE INDEX keys_by_account ON keys (account_id, id);
CREATE UNIQUE INDEX keys_living_by_source ON keys (source_id) WHERE status <> 'revoked';

-- A refresh family, born at its first refresh.
CREATE TABLE grants (
  id TEXT PRIMARY KEY,
  key_id TEXT NOT NULL,
  generation BIGINT NOT NULL,
  rotated_at BIGINT NOT NULL,
  acknowledged_at BIGINT,
  revoked_at BIGINT,
  expires_at BIGINT NOT NULL,
  event_id TEXT
);

-- ── Messages ─────────────────────────────────────────────────────────────────────────────────────

CREATE TABLE messages (
  id TEXT PRIMARY KEY,
  serial BIGINT NOT NULL,
  key_id TEXT NOT NULL,
  source_id TEXT NOT NULL,
  data_model TEXT NOT NULL,
  event_type TEXT NOT NULL,
  test BIGINT NOT NULL CHECK (test IN (0, 1)),
  received_at BIGINT NOT NULL,
  sealed_payload TEXT NOT NULL
);

CREATE TABLE deliveries (
  message_id TEXT NOT NULL REFERENCES messages (id),
  position BIGINT NOT NULL,
  id TEXT NOT NULL,
  attempt_id TEXT NOT NULL,
  subscription_id TEXT NOT NULL,
  destination_id TEXT NOT NULL,
  status TEXT NOT NULL CHECK (status IN ('queued')),
  PRIMARY KEY (message_id, position)
);

-- ── What happened ────────────────────────────────────────────────────────────────────────────────

-- request_id joins what a caller was answered and what the operator reads. sequence and seal are null until
-- the event is sealed; each seal covers the one before it, so that no event is changed or gone unseen.

CREATE TABLE audit_events (
  id TEXT PRIMARY KEY,
  at BIGINT NOT NULL,
  actor TEXT NOT NULL,
  action TEXT NOT NULL,
  subject TEXT NOT NULL,
  facts TEXT NOT NULL,
  request_id TEXT,
  sequence BIGINT,
  seal TEXT
);
CREATE INDEX audit_events_by_subject ON audit_events (subject, id);
CREATE INDEX audit_events_by_request ON audit_events (request_id) WHERE request_id IS NOT NULL;
CREATE INDEX audit_events_unsealed ON audit_events (id) WHERE sequence IS NULL;
CREATE UNIQUE INDEX audit_events_by_sequence ON audit_events (sequence) WHERE sequence IS NOT NULL;

-- One row: where the chain has got to. Whoever seals moves it in the same transaction; of many at once one does.
CREATE TABLE audit_chain (sequence BIGINT NOT NULL, seal TEXT NOT NULL);
INSERT INTO audit_chain (sequence, seal) VALUES (0, '');

-- Signed: up to this event the chain was whole at this time, and began with the event numbered first.
CREATE TABLE audit_checkpoints (
  sequence BIGINT NOT NULL,
  first BIGINT NOT NULL,
  seal TEXT NOT NULL,
  at BIGINT NOT NULL,
  signature TEXT NOT NULL,
  PRIMARY KEY (sequence, first)
);
