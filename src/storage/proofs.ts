import { sql } from 'kysely'
import type { ProofStorage } from '../service/ports.ts'
import type { Compiler, Engine } from './engine.ts'

/** Stores the digests and networks that recognise a secret before its slow hash is computed. */
export function createProofs(engine: Engine, compiler: Compiler): ProofStorage {
  type Digest = { keyId: string; hash: string; digest: string }
  const setDigest = compiler.taking<Digest>()((db, arg) =>
    db
      .updateTable('keys')
      .set({ secret_digest: arg('digest') })
      .where('id', '=', arg('keyId'))
      .where('secret_hash', '=', arg('hash')),
  )
  const setPreviousDigest = compiler.taking<Digest>()((db, arg) =>
    db
      .updateTable('keys')
      .set({ previous_secret_digest: arg('digest') })
      .where('id', '=', arg('keyId'))
      .where('previous_secret_hash', '=', arg('hash')),
  )

  type Place = { keyId: string; hash: string; network: string; at: number }
  const addPlace = compiler.taking<Place>()((_, arg) => {
    const hash = sql`cast(${arg('hash')} as text)`
    const insert = sql`
      insert into secret_proofs (key_id, network, secret_hash, proven_at)
      select id, cast(${arg('network')} as text), ${hash}, cast(${arg('at')} as bigint)
      from keys where id = ${arg('keyId')} and ${hash} in (secret_hash, previous_secret_hash)
      on conflict (key_id, network) do update
      set secret_hash = excluded.secret_hash, proven_at = excluded.proven_at`
    return { compile: () => insert.compile(compiler.db) }
  })

  const purgeReplaced = compiler.fixed((db) =>
    db.deleteFrom('secret_proofs').where((eb) =>
      eb.not(
        eb.exists(
          eb
            .selectFrom('keys')
            .select('keys.id')
            .whereRef('keys.id', '=', 'secret_proofs.key_id')
            .where((key) =>
              key.or([
                key('keys.secret_hash', '=', key.ref('secret_proofs.secret_hash')),
                key('keys.previous_secret_hash', '=', key.ref('secret_proofs.secret_hash')),
              ]),
            ),
        ),
      ),
    ),
  )
  const purgeOldest = compiler.taking<{ kept: number }>()((_, arg) => {
    const remove = sql`
      delete from secret_proofs where (key_id, network) in (
        select key_id, network from (
          select key_id, network, row_number() over (
            partition by key_id order by proven_at desc, network) as place
          from secret_proofs) as ranked
        where place > ${arg('kept')})`
    return { compile: () => remove.compile(compiler.db) }
  })

  return {
    async addSecretProofs(proofs, at) {
      if (proofs.length === 0) return
      // All writers use one order, so that two of them do not deadlock.
      const inOrder = [...proofs].sort((a, b) => (a.keyId < b.keyId ? -1 : 1))
      await engine.atomic(
        inOrder.flatMap((proof) =>
          'digest' in proof
            ? [setDigest(proof), setPreviousDigest(proof)]
            : [addPlace({ ...proof, at })],
        ),
      )
    },

    async purgeSecretProofs(keptOfKey) {
      const counts = await engine.atomic([purgeReplaced, purgeOldest({ kept: keptOfKey })])
      return counts.reduce((sum, count) => sum + count, 0)
    },
  }
}
