/*
 * From version 2 to 3: subscriptions are feeds, and messages are delivered. No table refers to
 * `deliveries`, so it is made anew, as `keys` was: SQLite cannot change a CHECK.
 */

export const FEEDS: readonly string[] = [
  'ALTER TABLE destinations ADD COLUMN verification_token TEXT',
  "ALTER TABLE destinations ADD COLUMN verification_method TEXT NOT NULL DEFAULT 'POST' CHECK (verification_method IN ('POST', 'GET'))",
  'ALTER TABLE subscriptions ADD COLUMN due_at BIGINT NOT NULL DEFAULT 0',
  'ALTER TABLE subscriptions ADD COLUMN attempts BIGINT NOT NULL DEFAULT 0',
  'ALTER TABLE subscriptions ADD COLUMN leased_by TEXT',
  'ALTER TABLE subscriptions ADD COLUMN leased_until BIGINT',
  'ALTER TABLE messages ADD COLUMN erased_at BIGINT',
  'CREATE INDEX messages_unerased ON messages (id) WHERE erased_at IS NULL',
  'CREATE TABLE deliveries_2 AS SELECT * FROM deliveries',
  'DROP TABLE deliveries',
  `CREATE TABLE deliveries (
    message_id TEXT NOT NULL REFERENCES messages (id),
    position BIGINT NOT NULL,
    id TEXT NOT NULL,
    attempt_id TEXT NOT NULL,
    subscription_id TEXT NOT NULL,
    destination_id TEXT NOT NULL,
    status TEXT NOT NULL CHECK (status IN ('queued', 'delivered', 'skipped')),
    place BIGINT NOT NULL,
    attempts BIGINT NOT NULL DEFAULT 0,
    settled_at BIGINT,
    event_id TEXT,
    PRIMARY KEY (message_id, position)
  )`,
  // All in one place: then they go in the order of their messages' ids, which is that of their coming.
  `INSERT INTO deliveries (
    message_id, position, id, attempt_id, subscription_id, destination_id, status, place
  ) SELECT message_id, position, id, attempt_id, subscription_id, destination_id, status, 0
  FROM deliveries_2`,
  'DROP TABLE deliveries_2',
  "CREATE INDEX deliveries_queued ON deliveries (subscription_id, place, message_id) WHERE status = 'queued'",
  `CREATE TABLE attempts (
    message_id TEXT NOT NULL REFERENCES messages (id),
    position BIGINT NOT NULL,
    number BIGINT NOT NULL,
    at BIGINT NOT NULL,
    ms BIGINT NOT NULL,
    outcome TEXT NOT NULL CHECK (outcome IN ('delivered', 'refused', 'failed', 'forbidden')),
    http_status BIGINT,
    detail TEXT NOT NULL,
    PRIMARY KEY (message_id, position, number)
  )`,
]
