import { sql } from 'kysely'
import type { Checkpoint, KeptEvent, Place, SealedEvent } from '../domain/chain.ts'
import type { AuditStorage } from '../service/ports.ts'
import type { Compiler, Engine } from './engine.ts'

type Verbs = Omit<AuditStorage, 'addEvents' | 'listEventsOfRequest'>
type Link = Place & { readonly id: string }

/** The events' places in the chain, and the checkpoints. */
export function createChain(engine: Engine, compiler: Compiler): Verbs {
  const end = compiler.fixed((db) => db.selectFrom('audit_chain').select(['sequence', 'seal']))

  /** The guard of a sealing: of many at once, one finds the end where it was. */
  const move = compiler.taking<{ from: number; fromSeal: string; to: number; toSeal: string }>()(
    (db, arg) =>
      db
        .updateTable('audit_chain')
        .set({ sequence: arg('to'), seal: arg('toSeal') })
        .where('sequence', '=', arg('from'))
        .where('seal', '=', arg('fromSeal')),
  )
  const seal = compiler.taking<Link & { endSeal: string }>()((db, arg) =>
    db
      .updateTable('audit_events')
      .set({ sequence: arg('sequence'), seal: arg('seal') })
      .where('id', '=', arg('id'))
      .where('sequence', 'is', null)
      .where((eb) =>
        eb.exists(eb.selectFrom('audit_chain').select('seal').where('seal', '=', arg('endSeal'))),
      ),
  )

  const kept = [
    'id',
    'at',
    'actor',
    'action',
    'subject',
    'request_id as requestId',
    'facts',
  ] as const
  const unsealed = compiler.taking<{ limit: number }>()((db, arg) =>
    db
      .selectFrom('audit_events')
      .select(kept)
      .where('sequence', 'is', null)
      .orderBy('id')
      .limit(arg('limit')),
  )
  const sealed = compiler.taking<{ after: number; limit: number }>()((db, arg) =>
    db
      .selectFrom('audit_events')
      .select(kept)
      .select(['sequence', 'seal'])
      .where('sequence', 'is not', null)
      .where('sequence', '>', arg('after'))
      .orderBy('sequence')
      .limit(arg('limit')),
  )

  const addOne = compiler.taking<Checkpoint>()((db, arg) =>
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
  const dropRecent = compiler.taking<{ since: number; sequence: number; first: number }>()(
    (db, arg) =>
      db
        .deleteFrom('audit_checkpoints')
        .where('at', '>=', arg('since'))
        .where('sequence', '<', arg('sequence'))
        .where('sequence', '>=', arg('first')),
  )
  const list = compiler.taking<{ sequence: number; first: number; limit: number }>()((_, arg) => {
    const select = sql<Checkpoint>`
      select sequence, first, seal, at, signature from audit_checkpoints
      where (sequence, first) > (${arg('sequence')}, ${arg('first')})
      order by sequence, first limit ${arg('limit')}`
    return { compile: () => select.compile(compiler.db) }
  })
  const extreme = (by: 'sequence' | 'first', then: 'sequence' | 'first') =>
    compiler.fixed((db) =>
      db
        .selectFrom('audit_checkpoints')
        .selectAll()
        .orderBy(by, 'desc')
        .orderBy(then, 'desc')
        .limit(1),
    )
  const last = extreme('sequence', 'first')
  const beginning = extreme('first', 'sequence')

  /** What a purge does only where its checkpoint is there. */
  const ifSigned = compiler.taking<{ signature: string; first: number; sequence: number }>()
  const purge = ifSigned((db, arg) =>
    db
      .deleteFrom('audit_events')
      .where('sequence', '<', arg('first'))
      .where((eb) =>
        eb.exists(
          eb.selectFrom('audit_checkpoints').select('at').where('signature', '=', arg('signature')),
        ),
      ),
  )
  const purgeCheckpoints = ifSigned((_, arg) => {
    const text = sql`
      delete from audit_checkpoints
      where (sequence + 1 < ${arg('first')}
        or (sequence = ${arg('sequence')} and first < ${arg('first')}))
      and exists (select 1 from audit_checkpoints as mine where mine.signature = ${arg('signature')})`
    return { compile: () => text.compile(compiler.db) }
  })

  return {
    async chainEnd() {
      const [row] = await engine.read(end)
      if (row === undefined) throw new Error('the row that says how far the audit goes is gone')
      return row
    },

    listUnsealed: async (limit): Promise<KeptEvent[]> => engine.read(unsealed({ limit })),

    async sealEvents(from, links) {
      const to = links.at(-1)
      if (to === undefined) return true
      const [moved] = await engine.atomic([
        move({ from: from.sequence, fromSeal: from.seal, to: to.sequence, toSeal: to.seal }),
        ...links.map((link) => seal({ ...link, endSeal: to.seal })),
      ])
      return moved === 1
    },

    listSealed: async (after, limit) =>
      (await engine.read(sealed({ after, limit }))) as SealedEvent[],

    async addCheckpoint(checkpoint, since) {
      const { sequence, first } = checkpoint
      await engine.atomic([addOne(checkpoint), dropRecent({ since, sequence, first })])
    },

    listCheckpoints: async ({ sequence, first }, limit) =>
      engine.read(list({ sequence, first, limit })),

    async lastCheckpoint() {
      const [row] = await engine.read(last)
      return row ?? null
    },

    async beginningCheckpoint() {
      const [row] = await engine.read(beginning)
      return row ?? null
    },

    async purgeEvents(checkpoint) {
      const [, purged = 0] = await engine.atomic([
        addOne(checkpoint),
        purge(checkpoint),
        purgeCheckpoints(checkpoint),
      ])
      return purged
    },
  }
}
