import { sql } from 'kysely'
import { KEY_HOLDER_ROLES } from '../domain/role.ts'
import type { AuditEvent } from '../service/ports/audit.ts'
import type { ProofStorage } from '../service/ports/authority.ts'
import type { NewKey } from '../service/ports/keys.ts'
import type { ResourceStorage } from '../service/ports/storage.ts'
import type { AuditedChanges } from './audited-changes.ts'
import type { Engine, StatementCompiler } from './engine.ts'
import { type ClientResources, createClientChanges, toClientResources } from './oauth-clients.ts'
import { createChangeInParts, createSqlWriter } from './statements.ts'
import type { Tables } from './tables.ts'

type KeyRow = Tables['keys']
type KeySecretMethods = Pick<ResourceStorage, 'addKey' | 'rotateSecret'>

/** Adds keys, and rotates their secrets. */
export function createKeySecretStorage(
  engine: Engine,
  compiler: StatementCompiler,
  audit: AuditedChanges,
): KeySecretMethods {
  const clients = createClientChanges(engine, compiler)
  type NewKeyRow = Omit<KeyRow, UnsetColumn>
  type UnsetColumn =
    | 'status'
    | 'disabled_by'
    | 'previous_secret_hash'
    | 'previous_secret_digest'
    | 'previous_secret_ends_at'
    | 'token_epoch'
    | 'assigned_at'
    | 'disabled_at'
    | 'revoked_at'
    | 'secret_rotated_at'
    | 'last_used_at'
    | 'user_agent'
  /** Inserts the row if its source, site and developer belong to the owner's account. */
  type Addition = NewKeyRow & ClientResources & { max_developer_keys: number | null }
  const add = compiler.withArguments<Addition>()((db, arg) => {
    const belongsToAccount = (table: 'sources' | 'sites' | 'developers', id: string | null) =>
      sql<boolean>`(cast(${id} as text) is null or exists (
        select 1 from ${sql.table(table)} as own where own.id = ${id} and own.account_id = users.account_id))`
    const max = sql`cast(${arg('max_developer_keys')} as bigint)`
    const hasRoom = sql<boolean>`(${max} is null or ${max} > (
      select count(*) from keys as existing
      where existing.developer_id = ${arg('developer_id')} and existing.key_type = ${arg('key_type')}))`
    return db
      .insertInto('keys')
      .columns([
        'id',
        'account_id',
        'owner_id',
        'key_type',
        'source_id',
        'site_id',
        'developer_id',
        'public_id',
        'name',
        'description',
        'reference',
        'status',
        'access',
        'secret_hash',
        'secret_digest',
        'sealed_secret',
        'token_salt',
        'token_epoch',
        'created_at',
        'expires_at',
        'event_id',
      ])
      .expression((eb) => {
        const text = <T extends string | null>(value: T) => eb.cast<T>(eb.val(value), 'text')
        const bigint = <T>(value: T) => eb.cast<T>(eb.val(value), 'bigint')
        return eb
          .selectFrom('users')
          .select([
            text(arg('id')).as('id'),
            'users.account_id',
            'users.id as owner_id',
            text(arg('key_type')).as('key_type'),
            text(arg('source_id')).as('source_id'),
            text(arg('site_id')).as('site_id'),
            text(arg('developer_id')).as('developer_id'),
            text(arg('public_id')).as('public_id'),
            text(arg('name')).as('name'),
            text(arg('description')).as('description'),
            text(arg('reference')).as('reference'),
            eb.val('enabled' as const).as('status'),
            text(arg('access')).as('access'),
            text(arg('secret_hash')).as('secret_hash'),
            text(arg('secret_digest')).as('secret_digest'),
            text(arg('sealed_secret')).as('sealed_secret'),
            text(arg('token_salt')).as('token_salt'),
            bigint(0).as('token_epoch'),
            bigint(arg('created_at')).as('created_at'),
            bigint(arg('expires_at')).as('expires_at'),
            text(arg('event_id')).as('event_id'),
          ])
          .where('users.id', '=', arg('owner_id'))
          .where('users.account_id', '=', arg('account_id'))
          .where('users.role', 'in', KEY_HOLDER_ROLES)
          .where('users.deactivated_at', 'is', null)
          .where(belongsToAccount('sources', arg('source_id')))
          .where(belongsToAccount('sites', arg('site_id')))
          .where(belongsToAccount('developers', arg('developer_id')))
          .where(clients.hasResources(sql.ref('users.account_id'), arg))
          .where(hasRoom)
      })
      .onConflict((conflict) => conflict.doNothing())
  })

  /** Tests if another key has this hash, because an update has no `on conflict`. */
  const isTaken = (id: string, hash: string) => sql<boolean>`exists (
    select 1 from keys as other
    where other.secret_hash = ${hash} and other.id <> ${id} and other.key_type <> 'redox')`

  const isSeen = (seen: string | null) =>
    sql<boolean>`(cast(${seen} as text) is null or event_id = ${seen})`

  const replaceAtOnce = compiler.withArguments<{
    id: string
    hash: string
    digest: string | null
    sealed: string | null
    token_salt: string
    at: number
    event_id: string
    seen: string | null
  }>()((db, arg) =>
    db
      .updateTable('keys')
      .set((eb) => ({
        secret_hash: arg('hash'),
        secret_digest: arg('digest'),
        sealed_secret: arg('sealed'),
        previous_secret_hash: null,
        previous_secret_digest: null,
        previous_secret_ends_at: null,
        token_salt: arg('token_salt'),
        token_epoch: eb('token_epoch', '+', 1),
        secret_rotated_at: arg('at'),
        event_id: arg('event_id'),
      }))
      .where('id', '=', arg('id'))
      .where('status', '<>', 'revoked')
      .where((eb) => eb.not(isTaken(arg('id'), arg('hash'))))
      .where(isSeen(arg('seen'))),
  )

  const replaceWithOverlap = compiler.withArguments<{
    id: string
    hash: string
    digest: string | null
    sealed: string | null
    ends_at: number
    at: number
    event_id: string
    seen: string | null
  }>()((db, arg) =>
    db
      .updateTable('keys')
      .set((eb) => ({
        previous_secret_hash: eb.ref('secret_hash'),
        previous_secret_digest: eb.ref('secret_digest'),
        previous_secret_ends_at: arg('ends_at'),
        secret_hash: arg('hash'),
        secret_digest: arg('digest'),
        sealed_secret: arg('sealed'),
        secret_rotated_at: arg('at'),
        event_id: arg('event_id'),
      }))
      .where('id', '=', arg('id'))
      .where('status', '<>', 'revoked')
      .where((eb) => eb.not(isTaken(arg('id'), arg('hash'))))
      .where(isSeen(arg('seen'))),
  )

  return {
    addKey: (key, event, maxDeveloperKeys) =>
      audit.applyChange(
        'keys',
        add({
          ...toNewKeyRow(key, event),
          max_developer_keys: maxDeveloperKeys ?? null,
          ...toClientResources(key.oauthClient),
        }),
        event,
        key.oauthClient === null ? [] : clients.add(key.id, event.id, key.oauthClient),
      ),

    rotateSecret(
      id,
      { hash, digest = null, sealed, overlapEndsAt, tokenSalt, seen = null },
      event,
    ) {
      const args = { id, hash, digest, sealed, seen, at: event.at, event_id: event.id }
      const step =
        overlapEndsAt === null
          ? replaceAtOnce({ ...args, token_salt: tokenSalt })
          : replaceWithOverlap({ ...args, ends_at: overlapEndsAt })
      return audit.applyChange('keys', step, event)
    },
  }
}

/** Stores the digests and networks that recognise a secret before its slow hash is computed. */
export function createProofStorage(engine: Engine, compiler: StatementCompiler): ProofStorage {
  const sqlStatement = createSqlWriter(compiler)
  type Digest = { keyId: string; hash: string; digest: string }
  const setDigest = compiler.withArguments<Digest>()((db, arg) =>
    db
      .updateTable('keys')
      .set({ secret_digest: arg('digest') })
      .where('id', '=', arg('keyId'))
      .where('secret_hash', '=', arg('hash')),
  )
  const setPreviousDigest = compiler.withArguments<Digest>()((db, arg) =>
    db
      .updateTable('keys')
      .set({ previous_secret_digest: arg('digest') })
      .where('id', '=', arg('keyId'))
      .where('previous_secret_hash', '=', arg('hash')),
  )

  type ProvenNetwork = { keyId: string; hash: string; network: string; at: number }
  const addProvenNetwork = sqlStatement<ProvenNetwork>((arg) => {
    const hash = sql`cast(${arg('hash')} as text)`
    return sql`
      insert into secret_proofs (key_id, network, secret_hash, proven_at)
      select id, cast(${arg('network')} as text), ${hash}, cast(${arg('at')} as bigint)
      from keys where id = ${arg('keyId')} and ${hash} in (secret_hash, previous_secret_hash)
      on conflict (key_id, network) do update
      set secret_hash = excluded.secret_hash, proven_at = excluded.proven_at`
  })

  const purgeReplaced = createChangeInParts<object>(engine, compiler, {
    id: ['secret_proofs', 'key_id'],
    condition: () => sql`
      not exists (
        select 1 from keys where keys.id = secret_proofs.key_id
          and secret_proofs.secret_hash in (keys.secret_hash, keys.previous_secret_hash))`,
    change: () => sql`delete from secret_proofs`,
  })
  const purgeOldest = createChangeInParts<{ kept: number }>(engine, compiler, {
    id: ['secret_proofs', 'key_id'],
    condition: (arg) => sql`
      (select count(*) from secret_proofs as newer where newer.key_id = secret_proofs.key_id
        and (newer.proven_at > secret_proofs.proven_at
          or newer.proven_at = secret_proofs.proven_at and newer.network < secret_proofs.network)
      ) >= ${arg('kept')}`,
    change: () => sql`delete from secret_proofs`,
  })

  return {
    async addSecretProofs(proofs, at) {
      if (proofs.length === 0) return
      // All writers use one order, so that two of them do not deadlock.
      const sortedProofs = [...proofs].sort((a, b) => (a.keyId < b.keyId ? -1 : 1))
      await engine.atomic(
        sortedProofs.flatMap((proof) =>
          'digest' in proof
            ? [setDigest(proof), setPreviousDigest(proof)]
            : [addProvenNetwork({ ...proof, at })],
        ),
      )
    },

    purgeSecretProofs: async (networksPerKey) =>
      (await purgeReplaced({})) + (await purgeOldest({ kept: networksPerKey })),
  }
}

/** The columns of a new key, however it is added. */
export const toNewKeyRow = (key: NewKey, { id: eventId }: AuditEvent) => ({
  id: key.id,
  account_id: key.accountId,
  owner_id: key.ownerId,
  key_type: key.keyType,
  source_id: key.sourceId,
  site_id: key.siteId,
  developer_id: key.developerId,
  public_id: key.publicId,
  name: key.name,
  description: key.description,
  reference: key.reference,
  access: key.access,
  secret_hash: key.secretHash,
  secret_digest: key.secretDigest,
  sealed_secret: key.sealedSecret,
  token_salt: key.tokenSalt,
  created_at: key.createdAt,
  expires_at: key.expiresAt,
  event_id: eventId,
})
