/*
 * From version 1 to 2, the audit's part: requests, the chain, and its checkpoints. Events that were
 * there before are sealed by the first server that runs.
 */
export const AUDIT_CHAIN: readonly string[] = [
  'ALTER TABLE audit_events ADD COLUMN request_id TEXT',
  'ALTER TABLE audit_events ADD COLUMN sequence BIGINT',
  'ALTER TABLE audit_events ADD COLUMN seal TEXT',
  'CREATE INDEX audit_events_by_request ON audit_events (request_id) WHERE request_id IS NOT NULL',
  'CREATE INDEX audit_events_unsealed ON audit_events (id) WHERE sequence IS NULL',
  'CREATE UNIQUE INDEX audit_events_by_sequence ON audit_events (sequence) WHERE sequence IS NOT NULL',
  'CREATE TABLE audit_chain (sequence BIGINT NOT NULL, seal TEXT NOT NULL)',
  "INSERT INTO audit_chain (sequence, seal) VALUES (0, '')",
  `CREATE TABLE audit_checkpoints (
    sequence BIGINT NOT NULL,
    first BIGINT NOT NULL,
    seal TEXT NOT NULL,
    at BIGINT NOT NULL,
    signature TEXT NOT NULL,
    PRIMARY KEY (sequence, first)
  )`,
]
