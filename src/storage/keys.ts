import { type RawBuilder, sql } from 'kysely'
import type { DisablingParty } from '../domain/key.ts'
import { KEY_HOLDER_ROLES } from '../domain/role.ts'
import type { KeyFilter, KeySummary } from '../service/ports/keys.ts'
import type { Page } from '../service/ports/lists.ts'
import type { ResourceStorage } from '../service/ports/storage.ts'
import type { AuditedChanges } from './audited-changes.ts'
import type { Engine, StatementCompiler } from './engine.ts'
import {
  type ClientResources,
  createClientChanges,
  parseOAuthClient,
  selectOAuthClient,
  toClientResources,
} from './oauth-clients.ts'
import type { Arg, TableStatements } from './statements.ts'
import { parseSelectedSunset, selectSunset } from './sunsets.ts'
import type { Tables } from './tables.ts'

type KeyRow = Tables['keys']
type KeyReadMethods = Pick<
  ResourceStorage,
  'listKeys' | 'listSealedKeys' | 'findKeySummary' | 'findSealedSecret'
>

export function createKeyReadStorage(
  engine: Engine,
  compiler: StatementCompiler,
  rows: TableStatements,
): KeyReadMethods {
  const readKeyPage = rows.filteredPage<'keys', SummaryColumns>(
    'keys',
    sql`, ${selectSummaryColumns(engine)}`,
  )

  const find = compiler.withArguments<{ id: string }>()((db, arg) =>
    db
      .selectFrom('keys')
      .selectAll()
      .select([selectOAuthClient(engine).as('oauth_client'), selectSunset(engine).as('sunset')])
      .where((eb) => eb.or([eb('id', '=', arg('id')), eb('public_id', '=', arg('id'))]))
      // Another system may have issued a public id that is the row id of a key here.
      .orderBy((eb) => eb.case().when('id', '=', arg('id')).then(0).else(1).end())
      .limit(1),
  )

  const findSealed = compiler.withArguments<{ id: string }>()((db, arg) =>
    db.selectFrom('keys').select('sealed_secret').where('id', '=', arg('id')),
  )

  const listKeyRows = (
    { accountId, ownerId, developerId, keyType, status }: KeyFilter,
    page: Page,
  ) =>
    readKeyPage(
      [
        ['account_id', accountId],
        ['owner_id', ownerId],
        ['developer_id', developerId],
        ['key_type', keyType],
        ['status', status],
      ],
      page,
    )

  return {
    async listKeys({ after, limit, ...filter }) {
      return (await listKeyRows(filter, { after, limit })).map(toKeySummary)
    },

    async listSealedKeys({ after, limit, ...filter }) {
      const keys = await listKeyRows(filter, { after, limit })
      return keys.map((row) => ({ key: toKeySummary(row), sealedSecret: row.sealed_secret }))
    },

    async findKeySummary(id) {
      const [row] = await engine.read(find({ id }))
      return row === undefined ? null : toKeySummary(row)
    },

    async findSealedSecret(id) {
      const [row] = await engine.read(findSealed({ id }))
      return row?.sealed_secret ?? null
    },
  }
}

/** The columns of a key's summary besides those of `keys`. */
export interface SummaryColumns {
  readonly oauth_client: string | null
  readonly sunset: string | null
}

export const selectSummaryColumns = (engine: Pick<Engine, 'sql'>): RawBuilder<SummaryColumns> =>
  sql`${selectOAuthClient(engine)} as oauth_client, ${selectSunset(engine)} as sunset`

/** Leaves out the hashes, the salt and the sealed secret. */
export const toKeySummary = (row: KeyRow & SummaryColumns): KeySummary => ({
  id: row.id,
  accountId: row.account_id,
  ownerId: row.owner_id,
  keyType: row.key_type,
  sourceId: row.source_id,
  siteId: row.site_id,
  developerId: row.developer_id,
  name: row.name,
  description: row.description,
  reference: row.reference,
  publicId: row.public_id,
  status: row.status,
  disabledBy: row.disabled_by,
  access: row.access,
  createdAt: row.created_at,
  assignedAt: row.assigned_at,
  expiresAt: row.expires_at,
  disabledAt: row.disabled_at,
  revokedAt: row.revoked_at,
  secretRotatedAt: row.secret_rotated_at,
  previousSecretEndsAt: row.previous_secret_ends_at,
  lastUsedAt: row.last_used_at,
  sunsetAt: parseSelectedSunset(row.sunset)?.sunsetAt ?? null,
  oauthClient: row.oauth_client === null ? null : parseOAuthClient(row.oauth_client),
  eventId: row.event_id,
})

type KeyChangeMethods = Pick<
  ResourceStorage,
  'enableKey' | 'disableKey' | 'revokeKey' | 'editKey' | 'amendKey' | 'assignKey' | 'deleteKey'
>

export function createKeyChangeStorage(
  engine: Engine,
  compiler: StatementCompiler,
  audit: AuditedChanges,
): KeyChangeMethods {
  const isNotRevoked = sql`status <> 'revoked'`
  const isSeen = (arg: Arg<{ seen: string }>) => sql`event_id = ${arg('seen')} and ${isNotRevoked}`
  const disabling = ['status', 'disabled_by', 'disabled_at'] as const

  const enable = audit.createUpdate(
    'keys',
    disabling,
    (arg: Arg<{ by: DisablingParty }>) => sql`status = 'disabled' and disabled_by = ${arg('by')}`,
  )
  const disable = audit.createUpdate('keys', disabling, () => sql`status = 'enabled'`)
  const revoke = audit.createUpdate('keys', ['status', 'revoked_at'], () => isNotRevoked)
  const clients = createClientChanges(engine, compiler)
  const edit = audit.createUpdate(
    'keys',
    ['name', 'description', 'reference', 'owner_id', 'access', 'expires_at'],
    (arg: Arg<{ owner_id: string; seen: string } & ClientResources>) => sql`${isSeen(arg)}
      and ${clients.hasResources(sql.ref('keys.account_id'), arg)}
      and (owner_id = ${arg('owner_id')} or exists (
        select 1 from users where users.id = ${arg('owner_id')}
          and users.account_id = keys.account_id and users.role in (${sql.join(KEY_HOLDER_ROLES)})
          and users.deactivated_at is null))`,
  )
  const amend = audit.createUpdate('keys', [...disabling, 'reference'], isSeen)
  const assign = audit.createUpdate('keys', ['site_id', 'assigned_at'], () => isNotRevoked)

  const deleteRow = compiler.withArguments<{ id: string }>()((db, arg) =>
    db.deleteFrom('keys').where('id', '=', arg('id')),
  )
  const deleteImported = compiler.withArguments<{ id: string }>()((db, arg) =>
    db.deleteFrom('imported_keys').where('key_id', '=', arg('id')),
  )
  const deleteUses = compiler.withArguments<{ id: string }>()((db, arg) =>
    db.deleteFrom('key_uses').where('key_id', '=', arg('id')),
  )

  return {
    enableKey: (id, by, event) =>
      enable({ id, by, status: 'enabled', disabled_by: null, disabled_at: null }, event),

    disableKey: (id, by, event) =>
      disable({ id, status: 'disabled', disabled_by: by, disabled_at: event.at }, event),

    revokeKey: (id, event) => revoke({ id, status: 'revoked', revoked_at: event.at }, event),

    editKey: (id, { ownerId, expiresAt, oauthClient, ...texts }, seen, event) =>
      edit(
        {
          ...texts,
          ...toClientResources(oauthClient),
          id,
          owner_id: ownerId,
          expires_at: expiresAt,
          seen,
        },
        event,
        oauthClient === null ? [] : clients.edit(id, event.id, oauthClient),
      ),

    amendKey: (id, { disabled, reference }, seen, event) =>
      amend(
        {
          id,
          status: disabled === null ? 'enabled' : 'disabled',
          disabled_by: disabled?.by ?? null,
          disabled_at: disabled?.at ?? null,
          reference,
          seen,
        },
        event,
      ),

    assignKey: (id, assignment, event) =>
      assign(
        { id, site_id: assignment?.siteId ?? null, assigned_at: assignment?.at ?? null },
        event,
      ),

    deleteKey: (id, event) =>
      audit.applyDeletion(
        'keys',
        [deleteRow({ id }), deleteUses({ id }), deleteImported({ id })],
        event,
      ),
  }
}
