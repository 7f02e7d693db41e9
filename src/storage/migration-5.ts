/*
 * From version 4 to 5: owners are recognised before the slow hash, and ids have one spelling.
 */

/** Whether a public id is a UUID in any case. The three engines share no regular expressions. */
const IS_UUID = `(public_id LIKE '________-____-____-____-____________'
    AND length(replace(public_id, '-', '')) = 32
    AND trim(lower(replace(public_id, '-', '')), '0123456789abcdef') = '')`

/** The keys that lose their public id to another key that has it in another case. */
const SUPERSEDED_KEYS = `(
    SELECT id FROM (
      SELECT id, row_number() OVER (
        PARTITION BY lower(public_id)
        ORDER BY CASE WHEN status = 'revoked' THEN 1 ELSE 0 END,
          coalesce(last_used_at, created_at) DESC, id DESC
      ) AS place FROM keys WHERE ${IS_UUID}
    ) AS ranked WHERE place > 1
  )`

/**
 * Stores each public id that is a UUID in lower case, as it is looked up. Of keys that differ only in
 * case, the one that was used last, and is not revoked, keeps the id. The others are revoked, each with
 * an event, and their row id is appended to their public id. (The event's id is the key's id as a UUIDv8,
 * and its time is that of the newest event, because these statements have no clock.)
 */
const ONE_SPELLING: readonly string[] = [
  `INSERT INTO audit_events (id, at, actor, action, subject, facts, account_id)
    SELECT substr(id, 1, 14) || '8' || substr(id, 16),
      coalesce((SELECT max(at) FROM audit_events), created_at), 'server', 'key.revoked', id,
      '{"because":"another key has its public id in another case"}', account_id
    FROM keys WHERE status <> 'revoked' AND id IN ${SUPERSEDED_KEYS}`,
  `UPDATE keys SET public_id = lower(public_id) || '.' || id,
    status = 'revoked',
    revoked_at = coalesce(revoked_at, last_used_at, created_at),
    event_id = CASE WHEN status = 'revoked' THEN event_id
      ELSE substr(id, 1, 14) || '8' || substr(id, 16) END
    WHERE id IN ${SUPERSEDED_KEYS}`,
  `UPDATE keys SET public_id = lower(public_id)
    WHERE public_id <> lower(public_id) AND ${IS_UUID}`,
  'UPDATE authority SET version = version + 1',
]

/** Existing keys get no digest here: it is written at the first proof of their secret. */
const PROOFS: readonly string[] = [
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

/** The table that `/ready` writes one row to. */
const PROBES: readonly string[] = ['CREATE TABLE probes (id TEXT PRIMARY KEY, bytes TEXT NOT NULL)']

/** Message ids are claimed in blocks, each by one process. */
const MESSAGE_IDS: readonly string[] = [
  'CREATE TABLE message_id_blocks (next BIGINT NOT NULL)',
  'INSERT INTO message_id_blocks (next) VALUES (1)',
]

export const ONE_SPELLING_AND_PROOFS: readonly string[] = [
  ...ONE_SPELLING,
  ...PROOFS,
  ...PROBES,
  ...MESSAGE_IDS,
]
