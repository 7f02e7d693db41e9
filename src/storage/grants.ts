import { sql } from 'kysely'
import type { Grant } from '../domain/rotation.ts'
import type { GrantStorage } from '../service/ports/authority.ts'
import type { AuditedChanges } from './audited-changes.ts'
import type { Engine, StatementCompiler } from './engine.ts'
import { createChangeInParts, createSqlWriter } from './statements.ts'
import type { Tables } from './tables.ts'

type GrantRow = Tables['grants']

/** Stores grants. Every change of a row is one guarded statement: of many at once, one succeeds. */
export function createGrantStorage(
  engine: Engine,
  compiler: StatementCompiler,
  audit: AuditedChanges,
): GrantStorage {
  const find = compiler.withArguments<{ id: string }>()((db, arg) =>
    db.selectFrom('grants').selectAll().where('id', '=', arg('id')),
  )

  const rotate = compiler.withArguments<
    Pick<GrantRow, 'id' | 'key_id' | 'generation' | 'rotated_at' | 'expires_at'>
  >()((db, arg) =>
    db
      .insertInto('grants')
      .values({
        id: arg('id'),
        key_id: arg('key_id'),
        generation: arg('generation'),
        rotated_at: arg('rotated_at'),
        expires_at: arg('expires_at'),
      })
      .onConflict((conflict) =>
        conflict
          .column('id')
          .doUpdateSet((eb) => ({
            generation: eb.ref('excluded.generation'),
            rotated_at: eb.ref('excluded.rotated_at'),
            expires_at: eb.ref('excluded.expires_at'),
            acknowledged_at: null,
          }))
          .where('grants.generation', '<', (eb) => eb.ref('excluded.generation'))
          .where('grants.revoked_at', 'is', null),
      ),
  )

  const acknowledge = compiler.withArguments<{ id: string; generation: number; at: number }>()(
    (db, arg) =>
      db
        .updateTable('grants')
        .set({ acknowledged_at: arg('at') })
        .where('id', '=', arg('id'))
        .where('generation', '=', arg('generation'))
        .where('acknowledged_at', 'is', null),
  )

  const revoke = createSqlWriter(compiler)<Omit<GrantRow, 'acknowledged_at' | 'rotated_at'>>(
    (arg) => sql`
      insert into grants (id, key_id, generation, rotated_at, revoked_at, expires_at, event_id)
      values (${arg('id')}, ${arg('key_id')}, ${arg('generation')}, ${arg('revoked_at')},
        ${arg('revoked_at')}, ${arg('expires_at')}, ${arg('event_id')})
      on conflict (id) do update set revoked_at = excluded.revoked_at, event_id = excluded.event_id
      where grants.revoked_at is null`,
  )

  const purge = createChangeInParts<{ now: number }>(engine, compiler, {
    id: ['grants', 'id'],
    condition: (arg) => sql`expires_at <= ${arg('now')}`,
    change: () => sql`delete from grants`,
  })

  return {
    async findGrant(id) {
      const [row] = await engine.read(find({ id }))
      return row === undefined ? null : toGrant(row)
    },

    async rotateGrant({ grantId, keyId, to, rotatedAt, expiresAt }) {
      const [changed] = await engine.atomic([
        rotate({
          id: grantId,
          key_id: keyId,
          generation: to,
          rotated_at: rotatedAt,
          expires_at: expiresAt,
        }),
      ])
      return changed === 1
    },

    async acknowledgeGrant(id, generation, at) {
      const [changed] = await engine.atomic([acknowledge({ id, generation, at })])
      return changed === 1
    },

    async revokeGrant({ grantId, keyId, generation, revokedAt, expiresAt }, event) {
      const row = {
        id: grantId,
        key_id: keyId,
        generation,
        revoked_at: revokedAt,
        expires_at: expiresAt,
        event_id: event.id,
      }
      const [, changed] = await engine.atomic([
        audit.bumpTokenRevocations,
        revoke(row),
        audit.insertEventIfChanged('grants', event),
      ])
      return changed === 1
    },

    purgeGrants: (now) => purge({ now }),
  }
}

const toGrant = (row: GrantRow): Grant => ({
  id: row.id,
  keyId: row.key_id,
  generation: row.generation,
  rotatedAt: row.rotated_at,
  acknowledgedAt: row.acknowledged_at,
  revokedAt: row.revoked_at,
})
