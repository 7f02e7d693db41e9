import type { KeyFilter, KeySummary, OperatorStorage, Page } from '../service/ports.ts'
import type { Compiler, Engine } from './engine.ts'
import type { Rows } from './rows.ts'
import type { Tables } from './tables.ts'

type Row = Tables['keys']
type Verbs = Pick<
  OperatorStorage,
  'listKeys' | 'listSealedKeys' | 'findKeySummary' | 'findSealedSecret'
>

/** Keys as an operator sees them. */
export function createKeys(engine: Engine, compiler: Compiler, rows: Rows): Verbs {
  const pageOf = rows.pageOf('keys')

  const find = compiler.taking<{ id: string }>()((db, arg) =>
    db
      .selectFrom('keys')
      .selectAll()
      .where((eb) => eb.or([eb('id', '=', arg('id')), eb('public_id', '=', arg('id'))]))
      // Another system may have issued a public id that is the row id of a key here.
      .orderBy((eb) => eb.case().when('id', '=', arg('id')).then(0).else(1).end())
      .limit(1),
  )

  const findSealed = compiler.taking<{ id: string }>()((db, arg) =>
    db.selectFrom('keys').select('sealed_secret').where('id', '=', arg('id')),
  )

  const listed = ({ accountId, ownerId, developerId, dialect, status }: KeyFilter, page: Page) =>
    pageOf(
      [
        ['account_id', accountId],
        ['owner_id', ownerId],
        ['developer_id', developerId],
        ['dialect', dialect],
        ['status', status],
      ],
      page,
    )

  return {
    async listKeys({ after, limit, ...filter }) {
      return (await listed(filter, { after, limit })).map(toSummary)
    },

    async listSealedKeys({ after, limit, ...filter }) {
      const found = await listed(filter, { after, limit })
      return found.map((row) => ({ key: toSummary(row), sealedSecret: row.sealed_secret }))
    },

    async findKeySummary(id) {
      const [row] = await engine.read(find({ id }))
      return row === undefined ? null : toSummary(row)
    },

    async findSealedSecret(id) {
      const [row] = await engine.read(findSealed({ id }))
      return row?.sealed_secret ?? null
    },
  }
}

/** Hashes, salt and sealed secret stay here. */
export const toSummary = (row: Row): KeySummary => ({
  id: row.id,
  accountId: row.account_id,
  ownerId: row.owner_id,
  dialect: row.dialect,
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
  secretReplacedAt: row.secret_replaced_at,
  previousSecretEndsAt: row.previous_secret_ends_at,
  lastUsedAt: row.last_used_at,
  eventId: row.event_id,
})
