-- The schema for every engine, in the subset that SQLite, PostgreSQL and D1 share:
-- TEXT, BIGINT (milliseconds since 1970), CHECK, partial indexes. Ids are UUIDv7, so that inserts append.

CREATE TABLE schema_version (version BIGINT NOT NULL);
INSERT INTO schema_version (version) VALUES (8);

-- One row. Every change of permissions bumps it in the same transaction, so that rows read under the
-- same version are current. token_revocations counts the revocations of single tokens, which change no
-- other permission.
CREATE TABLE authority (version BIGINT NOT NULL, token_revocations BIGINT NOT NULL DEFAULT 0);
INSERT INTO authority (version) VALUES (1);

-- ── Accounts ─────────────────────────────────────────────────────────────────────────────────────
-- event_id is the audit event of a row's last change: one transaction stores the change and its event.

CREATE TABLE accounts (
  id TEXT PRIMARY KEY,
  name TEXT NOT NULL,
  region TEXT NOT NULL,
  status TEXT NOT NULL CHECK (status IN ('open', 'closed')),
  created_at BIGINT NOT NULL,
  event_id TEXT NOT NULL,
  offboarding_policy TEXT NOT NULL DEFAULT 'keep' CHECK (offboarding_policy IN ('keep', 'disable')),
  ip_allowlist_enforced BIGINT NOT NULL DEFAULT 0 CHECK (ip_allowlist_enforced IN (0, 1))
);

-- The IP allowlist of an account's keys, if it is enforced: an address or CIDR.
CREATE TABLE ip_allowlist_entries (
  id TEXT PRIMARY KEY,
  account_id TEXT NOT NULL REFERENCES accounts (id),
  network TEXT NOT NULL,
  note TEXT NOT NULL,
  created_at BIGINT NOT NULL,
  event_id TEXT NOT NULL,
  UNIQUE (account_id, network)
);

CREATE TABLE sites (
  id TEXT PRIMARY KEY,
  account_id TEXT NOT NULL REFERENCES accounts (id),
  name TEXT NOT NULL,
  created_at BIGINT NOT NULL,
  event_id TEXT NOT NULL
);
CREATE INDEX sites_by_account ON sites (account_id, id);
CREATE INDEX sites_by_name ON sites (account_id, name);

-- password_hash is argon2id. sealed_totp is the second factor; totp_step, the last time step that was used.
CREATE TABLE users (
  id TEXT PRIMARY KEY,
  account_id TEXT NOT NULL REFERENCES accounts (id),
  email TEXT NOT NULL,
  role TEXT NOT NULL CHECK (role IN ('operator', 'administrator', 'engineer', 'member')),
  created_at BIGINT NOT NULL,
  event_id TEXT NOT NULL,
  username TEXT,
  deactivated_at BIGINT,
  password_hash TEXT,
  sealed_totp TEXT,
  totp_step BIGINT,
  UNIQUE (account_id, email)
);
CREATE UNIQUE INDEX users_by_username ON users (username);

-- Developers of programs that offices use. A developer's key comes before each customer's key.
CREATE TABLE developers (
  id TEXT PRIMARY KEY,
  account_id TEXT NOT NULL REFERENCES accounts (id),
  name TEXT NOT NULL,
  developer_key TEXT NOT NULL UNIQUE,
  created_at BIGINT NOT NULL,
  event_id TEXT NOT NULL
);
CREATE INDEX developers_by_account ON developers (account_id, id);
CREATE INDEX developers_by_name ON developers (account_id, name);

-- ── Signing in ───────────────────────────────────────────────────────────────────────────────────
-- Secrets are kept as keyed digests, to find their rows by.

CREATE TABLE sessions (
  id TEXT PRIMARY KEY,
  digest TEXT NOT NULL UNIQUE,
  user_id TEXT NOT NULL REFERENCES users (id),
  kind TEXT NOT NULL CHECK (kind IN ('browser', 'token')),
  name TEXT NOT NULL,
  created_at BIGINT NOT NULL,
  seen_at BIGINT NOT NULL,
  expires_at BIGINT NOT NULL,
  event_id TEXT NOT NULL
);
CREATE INDEX sessions_by_user ON sessions (user_id, id);

-- A one-time link. user_id is null for the server's first operator.
CREATE TABLE invitations (
  id TEXT PRIMARY KEY,
  digest TEXT NOT NULL UNIQUE,
  user_id TEXT REFERENCES users (id),
  created_at BIGINT NOT NULL,
  expires_at BIGINT NOT NULL,
  event_id TEXT NOT NULL
);

-- Each code is valid once: its row is deleted.
CREATE TABLE recovery_codes (
  user_id TEXT NOT NULL REFERENCES users (id),
  digest TEXT NOT NULL,
  PRIMARY KEY (user_id, digest)
);

-- id: a digest of the name that was tried and of the caller's network.
CREATE TABLE sign_in_failures (
  id TEXT PRIMARY KEY,
  failures BIGINT NOT NULL,
  last_at BIGINT NOT NULL
);

-- ── Routing ──────────────────────────────────────────────────────────────────────────────────────

CREATE TABLE sources (
  id TEXT PRIMARY KEY,
  account_id TEXT NOT NULL REFERENCES accounts (id),
  name TEXT NOT NULL,
  created_at BIGINT NOT NULL,
  event_id TEXT NOT NULL
);
CREATE INDEX sources_by_account ON sources (account_id, id);
CREATE INDEX sources_by_name ON sources (account_id, name);

-- verification_token is sealed.
CREATE TABLE destinations (
  id TEXT PRIMARY KEY,
  account_id TEXT NOT NULL REFERENCES accounts (id),
  name TEXT NOT NULL,
  url TEXT,
  development BIGINT NOT NULL CHECK (development IN (0, 1)),
  verified_at BIGINT,
  created_at BIGINT NOT NULL,
  event_id TEXT NOT NULL,
  verification_token TEXT,
  verification_method TEXT NOT NULL DEFAULT 'POST' CHECK (verification_method IN ('POST', 'GET'))
);
CREATE INDEX destinations_by_account ON destinations (account_id, id);

-- data_model '*' is every data model. A subscription's messages are sent in the order of arrival, not
-- before due_at, by the process that holds the lease. attempts: failed attempts at the first message.
CREATE TABLE subscriptions (
  id TEXT PRIMARY KEY,
  source_id TEXT NOT NULL REFERENCES sources (id),
  destination_id TEXT NOT NULL REFERENCES destinations (id),
  data_model TEXT NOT NULL,
  status TEXT NOT NULL CHECK (status IN ('active', 'paused')),
  created_at BIGINT NOT NULL,
  event_id TEXT NOT NULL,
  due_at BIGINT NOT NULL DEFAULT 0,
  attempts BIGINT NOT NULL DEFAULT 0,
  leased_by TEXT,
  leased_until BIGINT,
  UNIQUE (source_id, destination_id, data_model)
);
-- A process renews its leases every few seconds.
CREATE INDEX subscriptions_leased ON subscriptions (leased_by) WHERE leased_by IS NOT NULL;

-- ── Keys ─────────────────────────────────────────────────────────────────────────────────────────
-- One row for a credential of any key type. A source has at most one redox key that is not revoked.
-- secret_hash is argon2id where the secret is exchanged for tokens, a keyed digest, to find it by, where it
-- is presented at every request, and null for an OAuth client that signs assertions; of an imported hash it is
-- `imported:` and the sealed hash, or `digest:` and a keyed digest, until the first success; sealed_secret is what
-- may be viewed again; previous_* last as long as an overlap. token_epoch counts the times that all tokens
-- were ended. The tags of refresh tokens and opaque access tokens include token_salt. *_digest are keyed
-- digests beside argon2id hashes: they recognise a secret without the slow hash. Secrets that Latchkey made
-- get one when made or first proven, imported secrets only when first proven with
-- LATCHKEY_DIGEST_IMPORTED_KEYS=on. user_agent: the one of a recent use.

CREATE TABLE keys (
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
  user_agent TEXT,
  CHECK ((key_type = 'redox') = (source_id IS NOT NULL))
);
-- (The index has all columns that a text search reads: SQLite reads half as much, and no row.)
CREATE INDEX keys_by_account ON keys (account_id, id, owner_id, name, public_id, reference);
CREATE INDEX keys_by_name ON keys (account_id, lower(name), id);
CREATE INDEX keys_by_expiry ON keys (account_id, coalesce(expires_at, 9007199254740991), id);
CREATE INDEX keys_by_owner ON keys (owner_id);
CREATE INDEX keys_by_site ON keys (site_id, id) WHERE site_id IS NOT NULL;
CREATE INDEX keys_by_developer ON keys (developer_id, id) WHERE developer_id IS NOT NULL;
CREATE UNIQUE INDEX keys_living_by_source ON keys (source_id) WHERE status <> 'revoked';
CREATE UNIQUE INDEX keys_by_secret ON keys (secret_hash) WHERE key_type <> 'redox';
CREATE INDEX keys_by_previous_secret ON keys (previous_secret_hash) WHERE previous_secret_hash IS NOT NULL;
-- (For an unknown id, the work is done with another key: salts are random, so each key is as likely.)
CREATE INDEX keys_by_salt ON keys (key_type, token_salt);

-- The settings of keys of type oauth, whose public_id is the client id. jwks_url is preferred to jwks, a JWK
-- Set. scopes: separated by a space. audience is null for the server's own. assertion_refused_at and
-- assertion_refusal are of the last assertion that was refused.
CREATE TABLE oauth_clients (
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
);

-- The imports of keys from other systems. account_id is null if the file's rows name their accounts; file_digest
-- is the SHA-256 of the file, null if it came as a stream. The counts are of rows: imported is that of the keys
-- made, the others are of the last run.
CREATE TABLE imports (
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
);
CREATE INDEX imports_by_account ON imports (account_id, id) WHERE account_id IS NOT NULL;

-- The keys that an import made. line is the row's place in the file. secret_form is that of the stored hash, null
-- if the file had the secret itself; upgraded_at is when a first success replaced it by a hash of ours.
-- secret_start: the first characters of the secret, for recognition. last_used_at: the last use before the import.
CREATE TABLE imported_keys (
  key_id TEXT PRIMARY KEY,
  import_id TEXT NOT NULL REFERENCES imports (id),
  line BIGINT NOT NULL,
  secret_form TEXT,
  pepper_id TEXT,
  secret_start TEXT NOT NULL,
  last_used_at BIGINT,
  upgraded_at BIGINT
);
CREATE INDEX imported_keys_by_import ON imported_keys (import_id, key_id);
CREATE INDEX imported_keys_by_pepper ON imported_keys (pepper_id) WHERE pepper_id IS NOT NULL;

-- Secrets that imported hashes were made with besides the keys' own. A pepper is deleted with the last key that
-- needs it.
CREATE TABLE peppers (
  id TEXT PRIMARY KEY,
  account_id TEXT NOT NULL REFERENCES accounts (id),
  name TEXT NOT NULL,
  sealed_pepper TEXT NOT NULL,
  created_at BIGINT NOT NULL,
  event_id TEXT NOT NULL,
  UNIQUE (account_id, name)
);

-- The sources and sites that an OAuth client may use.
CREATE TABLE key_sources (
  key_id TEXT NOT NULL,
  source_id TEXT NOT NULL REFERENCES sources (id),
  PRIMARY KEY (key_id, source_id)
);
CREATE INDEX key_sources_by_source ON key_sources (source_id);
CREATE TABLE key_sites (
  key_id TEXT NOT NULL,
  site_id TEXT NOT NULL REFERENCES sites (id),
  PRIMARY KEY (key_id, site_id)
);
CREATE INDEX key_sites_by_site ON key_sites (site_id);

-- The assertions that an OAuth client has used, until they end: each is valid once.
CREATE TABLE used_assertions (
  key_id TEXT NOT NULL,
  jti_hash TEXT NOT NULL,
  ends_at BIGINT NOT NULL,
  PRIMARY KEY (key_id, jti_hash)
);
CREATE INDEX used_assertions_by_end ON used_assertions (ends_at);

-- Access tokens that were revoked one by one, until they expire.
CREATE TABLE revoked_tokens (
  account_id TEXT NOT NULL,
  token_id TEXT NOT NULL,
  ends_at BIGINT NOT NULL,
  PRIMARY KEY (account_id, token_id)
);
CREATE INDEX revoked_tokens_by_end ON revoked_tokens (ends_at);

-- The networks (an IPv4 address, an IPv6 /64) from which a secret without a digest was proven. There,
-- failures of others do not limit its owner.
CREATE TABLE secret_proofs (
  key_id TEXT NOT NULL,
  network TEXT NOT NULL,
  secret_hash TEXT NOT NULL,
  proven_at BIGINT NOT NULL,
  PRIMARY KEY (key_id, network)
);

-- The uses of a key on a day (days since 1970, UTC).
CREATE TABLE key_uses (
  key_id TEXT NOT NULL,
  day BIGINT NOT NULL,
  uses BIGINT NOT NULL,
  PRIMARY KEY (key_id, day)
);

-- The uses of OAuth clients for a source or a site, or by their owner: resource_id is the id of one of these.
CREATE TABLE oauth_uses (
  resource_id TEXT PRIMARY KEY,
  first_at BIGINT NOT NULL,
  last_at BIGINT NOT NULL
);

-- The sunset of the keys of a type: those of an account, or of one of its sources or sites. brownouts:
-- the start and end of each, as in '1-2 5-9'.
CREATE TABLE sunsets (
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
);
CREATE UNIQUE INDEX sunsets_by_keys ON sunsets (account_id, key_type, coalesce(source_id, ''), coalesce(site_id, ''));

-- Outcomes of requests within an hour (hours since 1970, UTC). account_id and key_type are '' if unknown.
CREATE TABLE traffic (
  account_id TEXT NOT NULL,
  hour BIGINT NOT NULL,
  key_type TEXT NOT NULL,
  outcome TEXT NOT NULL,
  requests BIGINT NOT NULL,
  PRIMARY KEY (account_id, hour, key_type, outcome)
);
CREATE INDEX traffic_by_hour ON traffic (hour);

-- A grant, created at its first refresh.
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

-- erased_at: when the payload was erased; sealed_payload is then empty.
CREATE TABLE messages (
  id TEXT PRIMARY KEY,
  serial BIGINT NOT NULL,
  key_id TEXT NOT NULL,
  source_id TEXT NOT NULL,
  data_model TEXT NOT NULL,
  event_type TEXT NOT NULL,
  test BIGINT NOT NULL CHECK (test IN (0, 1)),
  received_at BIGINT NOT NULL,
  sealed_payload TEXT NOT NULL,
  erased_at BIGINT,
  payload_part_count BIGINT NOT NULL DEFAULT 0 CHECK (payload_part_count >= 0)
);
CREATE INDEX messages_unerased ON messages (id) WHERE erased_at IS NULL;

-- A long payload is in parts, which are stored before the message's row: the number is in payload_part_count,
-- and sealed_payload is empty.
CREATE TABLE payload_parts (
  message_id TEXT NOT NULL,
  part BIGINT NOT NULL,
  created_at BIGINT NOT NULL,
  sealed TEXT NOT NULL,
  PRIMARY KEY (message_id, part)
);

-- The periods of 17 minutes in which an account, a source, a destination or a subscription had messages.
-- period: the first 7 characters of their ids, which begin with the time. owner_id 'test' is that of all test messages,
-- and a source's id, a space and a destination's id those from one to the other.
CREATE TABLE message_periods (
  owner_id TEXT NOT NULL,
  period TEXT NOT NULL,
  PRIMARY KEY (owner_id, period)
);

-- One row: the first block of message ids that no process has claimed.
CREATE TABLE message_id_blocks (next BIGINT NOT NULL);
INSERT INTO message_id_blocks (next) VALUES (1);

-- queue_position: the order in the subscription's queue. attempts: the number of attempts. event_id: the last
-- change by an operator.
CREATE TABLE deliveries (
  message_id TEXT NOT NULL REFERENCES messages (id),
  position BIGINT NOT NULL,
  id TEXT NOT NULL,
  attempt_id TEXT NOT NULL,
  subscription_id TEXT NOT NULL,
  destination_id TEXT NOT NULL,
  status TEXT NOT NULL CHECK (status IN ('queued', 'delivered', 'skipped')),
  queue_position BIGINT NOT NULL,
  attempts BIGINT NOT NULL DEFAULT 0,
  settled_at BIGINT,
  event_id TEXT,
  PRIMARY KEY (message_id, position)
);
CREATE INDEX deliveries_queued ON deliveries (subscription_id, queue_position, message_id) WHERE status = 'queued';
CREATE INDEX deliveries_skipped ON deliveries (message_id) WHERE status = 'skipped';

-- The result of each attempt. http_status is null without an answer, detail is empty after a success.
CREATE TABLE attempts (
  message_id TEXT NOT NULL REFERENCES messages (id),
  position BIGINT NOT NULL,
  number BIGINT NOT NULL,
  at BIGINT NOT NULL,
  ms BIGINT NOT NULL,
  outcome TEXT NOT NULL CHECK (outcome IN ('delivered', 'refused', 'failed', 'forbidden')),
  http_status BIGINT,
  detail TEXT NOT NULL,
  PRIMARY KEY (message_id, position, number)
);

-- ── Audit ────────────────────────────────────────────────────────────────────────────────────────

-- request_id joins the caller's answer and the operator's record. sequence and seal are null until the event
-- is sealed; each seal covers the previous one, so that any changed or deleted event is noticed. account_id:
-- the subject's account when the event was written, null if it had none; the seal does not cover it.

CREATE TABLE audit_events (
  id TEXT PRIMARY KEY,
  at BIGINT NOT NULL,
  actor TEXT NOT NULL,
  action TEXT NOT NULL,
  subject TEXT NOT NULL,
  facts TEXT NOT NULL,
  request_id TEXT,
  sequence BIGINT,
  seal TEXT,
  account_id TEXT
);
CREATE INDEX audit_events_by_at ON audit_events (at, id);
CREATE INDEX audit_events_by_account ON audit_events (account_id, at, id) WHERE account_id IS NOT NULL;
CREATE INDEX audit_events_by_subject ON audit_events (subject, id);
CREATE INDEX audit_events_by_request ON audit_events (request_id) WHERE request_id IS NOT NULL;
CREATE INDEX audit_events_unsealed ON audit_events (id) WHERE sequence IS NULL;
CREATE UNIQUE INDEX audit_events_by_sequence ON audit_events (sequence) WHERE sequence IS NOT NULL;

-- One row: the end of the chain, which a sealing moves in the same transaction. Of concurrent sealings, one
-- succeeds.
CREATE TABLE audit_chain (sequence BIGINT NOT NULL, seal TEXT NOT NULL);
INSERT INTO audit_chain (sequence, seal) VALUES (0, '');

-- A signed statement that the chain was whole at this time up to this event, starting with the event `first`.
CREATE TABLE audit_checkpoints (
  sequence BIGINT NOT NULL,
  first BIGINT NOT NULL,
  seal TEXT NOT NULL,
  at BIGINT NOT NULL,
  signature TEXT NOT NULL,
  PRIMARY KEY (sequence, first)
);

-- One row, which each `/ready` overwrites with as much as a message takes.
CREATE TABLE probes (
  id TEXT PRIMARY KEY,
  bytes TEXT NOT NULL
);
