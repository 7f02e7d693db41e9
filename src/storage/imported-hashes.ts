import { type RawBuilder, sql } from 'kysely'
import { DAY_MS, HOUR_MS } from '../domain/instant.ts'
import type { ImportedSecretStorage } from '../service/ports/authority.ts'
import type { AuditedChanges } from './audited-changes.ts'
import type { Engine, StatementCompiler } from './engine.ts'
import { createChangeInParts, createSqlWriter } from './statements.ts'

/** A pepper that was stored by itself waits for its import for so long. */
const NEW_PEPPER_MS = HOUR_MS
/** No import takes as long; one that is continued later brings its peppers again. */
const MAX_UNUSED_PEPPER_MS = 7 * DAY_MS

/** Stores the hashes of other systems until their first success. `domain/imported-hash.ts` has their formats. */
export function createImportedSecretStorage(
  engine: Engine,
  compiler: StatementCompiler,
  audit: AuditedChanges,
): ImportedSecretStorage {
  const sqlStatement = createSqlWriter(compiler)

  // The indexes on hashes serve these ranges, whatever the collation of the database: their bounds are letters.
  const readUse = sqlStatement<object, { found: number }>(
    () => sql`
      select 1 as found where
        exists (select 1 from keys
          where secret_hash >= 'digest' and secret_hash < 'digesu' and key_type <> 'redox')
        or exists (select 1 from keys
          where previous_secret_hash >= 'digest' and previous_secret_hash < 'digesu')`,
  )
  const readPeppers = sqlStatement<object, { id: string; sealed_pepper: string }>(
    () => sql`select id, sealed_pepper from peppers order by id`,
  )
  const findPepper = sqlStatement<{ id: string }, { sealed_pepper: string }>(
    (arg) => sql`select sealed_pepper from peppers where id = ${arg('id')}`,
  )

  const upgrade = sqlStatement<{
    keyId: string
    importedHash: string
    hash: string
    digest: string | null
    eventId: string
  }>((arg) => {
    const isOld = (column: string) => sql`${sql.ref(column)} = ${arg('importedHash')}`
    const hash = sql`cast(${arg('hash')} as text)`
    const digest = sql`cast(${arg('digest')} as text)`
    return sql`
      update keys set
        secret_hash = case when ${isOld('secret_hash')} then ${hash} else secret_hash end,
        secret_digest = case when ${isOld('secret_hash')} then ${digest} else secret_digest end,
        previous_secret_hash =
          case when ${isOld('previous_secret_hash')} then ${hash} else previous_secret_hash end,
        previous_secret_digest =
          case when ${isOld('previous_secret_hash')} then ${digest} else previous_secret_digest end,
        event_id = ${arg('eventId')}
      where id = ${arg('keyId')} and (${isOld('secret_hash')} or ${isOld('previous_secret_hash')})
        and not exists (
          select 1 from keys as other
          where other.secret_hash = ${hash} and other.id <> ${arg('keyId')} and other.key_type <> 'redox')`
  })
  type Upgraded = { keyId: string; eventId: string; at: number }
  const isUpgraded = (eventId: unknown) =>
    sql`exists (select 1 from audit_events where audit_events.id = ${eventId})`
  const deletePepper = sqlStatement<Upgraded>(
    (arg) => sql`
      delete from peppers where ${isUpgraded(arg('eventId'))}
        and id = (select pepper_id from imported_keys where key_id = ${arg('keyId')})
        and not exists (
          select 1 from imported_keys where pepper_id = peppers.id and key_id <> ${arg('keyId')})`,
  )
  const markUpgraded = sqlStatement<Upgraded>(
    (arg) => sql`
      update imported_keys set upgraded_at = ${arg('at')}, pepper_id = null
      where key_id = ${arg('keyId')} and ${isUpgraded(arg('eventId'))}`,
  )

  const isImported = (column: string): RawBuilder<unknown> => {
    const hash = sql.ref(column)
    return sql`(${hash} >= 'imported' and ${hash} < 'importee' or ${hash} >= 'digest' and ${hash} < 'digesu')`
  }
  const deleteEndedHashes = createChangeInParts<{ now: number }>(engine, compiler, {
    id: ['keys', 'id'],
    condition: (arg) => sql`
      previous_secret_hash is not null and ${isImported('previous_secret_hash')}
        and previous_secret_ends_at <= ${arg('now')}`,
    change: () => sql`
      update keys set previous_secret_hash = null, previous_secret_ends_at = null`,
  })
  // A rotation at once, a revocation and a deletion end the need of a pepper, too.
  const releasePeppers = createChangeInParts<object>(engine, compiler, {
    id: ['imported_keys', 'key_id'],
    condition: () => sql`
      pepper_id is not null and not exists (
        select 1 from keys where keys.id = imported_keys.key_id and keys.status <> 'revoked'
          and (${isImported('keys.secret_hash')} or ${isImported('keys.previous_secret_hash')}))`,
    change: () => sql`update imported_keys set pepper_id = null`,
  })
  // An import stores its peppers before its keys. One that was killed and never continued stays unfinished.
  const deletePeppers = sqlStatement<{ unusedBefore: number; abandonedBefore: number }>(
    (arg) => sql`
      delete from peppers
      where not exists (select 1 from imported_keys where imported_keys.pepper_id = peppers.id)
        and (created_at < ${arg('abandonedBefore')}
          or created_at < ${arg('unusedBefore')}
            and not exists (select 1 from imports where imports.status = 'running'))`,
  )

  return {
    async readImportedDigests() {
      const used = await engine.read(readUse({}))
      if (used.length === 0) return { isUsed: false, peppers: [] }
      const rows = await engine.read(readPeppers({}))
      return {
        isUsed: true,
        peppers: rows.map(({ id, sealed_pepper: sealedPepper }) => ({ id, sealedPepper })),
      }
    },

    async findSealedPepper(id) {
      const [row] = await engine.read(findPepper({ id }))
      return row?.sealed_pepper ?? null
    },

    upgradeSecret({ keyId, importedHash, hash, digest }, event) {
      const { id: eventId, at } = event
      return audit.applyChange(
        'keys',
        upgrade({ keyId, importedHash, hash, digest, eventId }),
        event,
        [deletePepper({ keyId, eventId, at }), markUpgraded({ keyId, eventId, at })],
      )
    },

    async purgeImportedSecrets(now) {
      const ended = await deleteEndedHashes({ now })
      await releasePeppers({})
      const [peppers = 0] = await engine.atomic([
        deletePeppers({
          unusedBefore: now - NEW_PEPPER_MS,
          abandonedBefore: now - MAX_UNUSED_PEPPER_MS,
        }),
      ])
      return ended + peppers
    },
  }
}
