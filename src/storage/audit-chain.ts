import { sql } from 'kysely'
import type {
  ChainPosition,
  Checkpoint,
  SealedEvent,
  UnsealedEvent,
} from '../domain/audit-chain.ts'
import type { AuditStorage } from '../service/ports/audit.ts'
import type { Engine, StatementCompiler } from './engine.ts'
import { type Arg, createSqlWriter } from './statements.ts'

type AuditChainMethods = Omit<AuditStorage, 'addEvents' | 'listRequestEvents'>
type ChainLink = ChainPosition & { readonly id: string }

/** Stores each event's place in the chain, and the checkpoints. */
export function createAuditChainStorage(
  engine: Engine,
  compiler: StatementCompiler,
): AuditChainMethods {
  const sqlStatement = createSqlWriter(compiler)
  const selectEnd = compiler.withoutArguments((db) =>
    db.selectFrom('audit_chain').select(['sequence', 'seal']),
  )

  /** Guards a sealing: of many at once, only one finds the end unchanged. */
  const moveEnd = compiler.withArguments<{
    from: number
    fromSeal: string
    to: number
    toSeal: string
  }>()((db, arg) =>
    db
      .updateTable('audit_chain')
      .set({ sequence: arg('to'), seal: arg('toSeal') })
      .where('sequence', '=', arg('from'))
      .where('seal', '=', arg('fromSeal')),
  )
  const seal = compiler.withArguments<ChainLink & { endSeal: string }>()((db, arg) =>
    db
      .updateTable('audit_events')
      .set({ sequence: arg('sequence'), seal: arg('seal') })
      .where('id', '=', arg('id'))
      .where('sequence', 'is', null)
      .where((eb) =>
        eb.exists(eb.selectFrom('audit_chain').select('seal').where('seal', '=', arg('endSeal'))),
      ),
  )

  const eventColumns = [
    'id',
    'at',
    'actor',
    'action',
    'subject',
    'request_id as requestId',
    'facts',
  ] as const
  const selectUnsealed = compiler.withArguments<{ limit: number }>()((db, arg) =>
    db
      .selectFrom('audit_events')
      .select(eventColumns)
      .where('sequence', 'is', null)
      .orderBy('id')
      .limit(arg('limit')),
  )
  const selectSealed = compiler.withArguments<{ after: number; limit: number }>()((db, arg) =>
    db
      .selectFrom('audit_events')
      .select(eventColumns)
      .select(['sequence', 'seal'])
      .where('sequence', 'is not', null)
      .where('sequence', '>', arg('after'))
      .orderBy('sequence')
      .limit(arg('limit')),
  )

  const insertCheckpoint = compiler.withArguments<Checkpoint>()((db, arg) =>
    db
      .insertInto('audit_checkpoints')
      .values({
        sequence: arg('sequence'),
        first: arg('first'),
        seal: arg('seal'),
        at: arg('at'),
        signature: arg('signature'),
      })
      .onConflict((conflict) => conflict.doNothing()),
  )
  const deleteRecentCheckpoints = compiler.withArguments<{
    since: number
    sequence: number
    first: number
  }>()((db, arg) =>
    db
      .deleteFrom('audit_checkpoints')
      .where('at', '>=', arg('since'))
      .where('sequence', '<', arg('sequence'))
      .where('sequence', '>=', arg('first')),
  )
  const selectCheckpoints = sqlStatement<
    {
      sequence: number
      first: number
      limit: number
    },
    Checkpoint
  >(
    (arg) => sql`
      select sequence, first, seal, at, signature from audit_checkpoints
      where (sequence, first) > (${arg('sequence')}, ${arg('first')})
      order by sequence, first limit ${arg('limit')}`,
  )
  const selectHighest = (by: 'sequence' | 'first', then: 'sequence' | 'first') =>
    compiler.withoutArguments((db) =>
      db
        .selectFrom('audit_checkpoints')
        .selectAll()
        .orderBy(by, 'desc')
        .orderBy(then, 'desc')
        .limit(1),
    )
  const selectLastCheckpoint = selectHighest('sequence', 'first')
  const selectBeginningCheckpoint = selectHighest('first', 'sequence')

  // A purge deletes only if its checkpoint is stored.
  const hasCheckpoint = (arg: Arg<Checkpoint>) => sql`exists (
    select 1 from audit_checkpoints as own where own.signature = ${arg('signature')})`
  const purge = sqlStatement<Checkpoint>(
    (arg) => sql`
      delete from audit_events where sequence < ${arg('first')} and ${hasCheckpoint(arg)}`,
  )
  const purgeCheckpoints = sqlStatement<Checkpoint>(
    (arg) => sql`
      delete from audit_checkpoints
      where (sequence + 1 < ${arg('first')}
        or (sequence = ${arg('sequence')} and first < ${arg('first')}))
      and ${hasCheckpoint(arg)}`,
  )

  return {
    async findChainEnd() {
      const [row] = await engine.read(selectEnd)
      if (row === undefined) throw new Error('audit_chain has no row')
      return row
    },

    listUnsealedEvents: async (limit): Promise<UnsealedEvent[]> =>
      engine.read(selectUnsealed({ limit })),

    async sealEvents(from, links) {
      const to = links.at(-1)
      if (to === undefined) return true
      const [moved] = await engine.atomic([
        moveEnd({ from: from.sequence, fromSeal: from.seal, to: to.sequence, toSeal: to.seal }),
        ...links.map((link) => seal({ ...link, endSeal: to.seal })),
      ])
      return moved === 1
    },

    listSealedEvents: async (after, limit) =>
      (await engine.scan(selectSealed({ after, limit }))) as SealedEvent[],

    async addCheckpoint(checkpoint, since) {
      const { sequence, first } = checkpoint
      await engine.atomic([
        insertCheckpoint(checkpoint),
        deleteRecentCheckpoints({ since, sequence, first }),
      ])
    },

    listCheckpoints: async ({ sequence, first }, limit) =>
      engine.read(selectCheckpoints({ sequence, first, limit })),

    async findLastCheckpoint() {
      const [row] = await engine.read(selectLastCheckpoint)
      return row ?? null
    },

    async findStartCheckpoint() {
      const [row] = await engine.read(selectBeginningCheckpoint)
      return row ?? null
    },

    async purgeEvents(checkpoint) {
      const [, purged = 0] = await engine.atomic([
        insertCheckpoint(checkpoint),
        purge(checkpoint),
        purgeCheckpoints(checkpoint),
      ])
      return purged
    },
  }
}
