import { sql } from 'kysely'
import { getIdTime } from '../domain/id.ts'
import type {
  ExistingKey,
  ExportedKey,
  ImportStorage,
  KeyImport,
  NewImport,
  Pepper,
  UnseenKey,
} from '../service/ports/imports.ts'
import type { AuditedChanges } from './audited-changes.ts'
import type { Engine, StatementCompiler } from './engine.ts'
import { IS_USED } from './imported-keys.ts'
import { type SummaryColumns, selectSummaryColumns, toKeySummary } from './keys.ts'
import {
  type Arg,
  createSqlWriter,
  expandJsonList,
  LAST_ID,
  type TableStatements,
} from './statements.ts'
import { createRowMapping, type Tables } from './tables.ts'

type ImportMethods = Omit<ImportStorage, 'addImportedKeys' | 'deleteImportedKeys' | 'findIdsByName'>

const IMPORTS = createRowMapping('imports')
const PEPPERS = createRowMapping('peppers')

type ImportRow = Tables['imports'] & { readonly last_key_id: string | null }

/** The table calls an unfinished import running. */
const STORED_STATUSES = { unfinished: 'running', finished: 'finished', undone: 'undone' } as const
const STATUSES = { running: 'unfinished', finished: 'finished', undone: 'undone' } as const

const toImportRow = (keyImport: NewImport, eventId: string): Tables['imports'] =>
  IMPORTS.toRow({ ...keyImport, status: STORED_STATUSES[keyImport.status] }, eventId)

const toKeyImport = ({ last_key_id: lastKeyId, ...row }: ImportRow): KeyImport => ({
  ...IMPORTS.fromRow(row),
  status: STATUSES[row.status],
  lastKeyAt: lastKeyId === null ? null : getIdTime(lastKeyId),
})

/** Stores imports and peppers, and lists what imports have made. */
export function createImportStorage(
  engine: Engine,
  compiler: StatementCompiler,
  rows: TableStatements,
  audit: AuditedChanges,
): ImportMethods {
  const sqlStatement = createSqlWriter(compiler)
  const addImport = rows.insertUnlessTaken('imports')
  const addPepper = rows.insertUnlessTaken('peppers')
  const isRunning = () => sql`status = 'running'`
  const finish = audit.createUpdate(
    'imports',
    ['status', 'present', 'different', 'invalid', 'finished_at'],
    isRunning,
  )
  const setUndone = audit.createUpdate(
    'imports',
    ['status', 'undone_at'],
    () => sql`status <> 'undone'`,
  )

  const selectImports = sql`
    select imports.*,
      (select max(key_id) from imported_keys where import_id = imports.id) as last_key_id
    from imports`
  const find = sqlStatement<{ id: string }, ImportRow>(
    (arg) => sql`${selectImports} where id = ${arg('id')}`,
  )
  type ImportQuery = { accountId: string | null; before: string; limit: number }
  const list = sqlStatement<ImportQuery, ImportRow>(
    (arg) => sql`
      ${selectImports} where id < ${arg('before')}
        and (cast(${arg('accountId')} as text) is null or account_id = ${arg('accountId')})
      order by id desc limit ${arg('limit')}`,
  )
  const findUnfinished = sqlStatement<{ digest: string; accountId: string | null }, ImportRow>(
    (arg) => sql`
      ${selectImports} where file_digest = ${arg('digest')} and status = 'running'
        and coalesce(account_id, '') = coalesce(cast(${arg('accountId')} as text), '')
      order by id desc limit 1`,
  )
  const listKeys = sqlStatement<
    { id: string; after: string; limit: number },
    { id: string; public_id: string; used: number }
  >(
    (arg) => sql`
      select keys.id, keys.public_id, case when ${IS_USED} then 1 else 0 end as used
      from imported_keys join keys on keys.id = imported_keys.key_id
      where imported_keys.import_id = ${arg('id')} and imported_keys.key_id > ${arg('after')}
      order by imported_keys.key_id limit ${arg('limit')}`,
  )

  type WantedKeys = { publicIds: string; secretHashes: string; accountId: string | null }
  type ExistingRow = Tables['keys'] & SummaryColumns & { readonly import_id: string | null }
  const selectExisting = (condition: (arg: Arg<WantedKeys>) => unknown) =>
    sqlStatement<WantedKeys, ExistingRow>(
      (arg) => sql`
        select keys.*, ${selectSummaryColumns(engine)},
          (select import_id from imported_keys where key_id = keys.id) as import_id
        from keys where ${condition(arg)}
          and (cast(${arg('accountId')} as text) is null or keys.account_id = ${arg('accountId')})`,
    )
  const findByPublicId = selectExisting(
    (arg) => sql`keys.public_id in ${expandJsonList(engine, arg('publicIds'))}`,
  )
  // The condition on the type is that of the index.
  const findByHash = selectExisting(
    (arg) => sql`keys.key_type <> 'redox'
      and keys.secret_hash in ${expandJsonList(engine, arg('secretHashes'))}`,
  )

  type UnseenQuery = {
    after: string
    limit: number
    accountId: string | null
    importId: string | null
  }
  type UnseenRow = Pick<
    Tables['keys'],
    'id' | 'account_id' | 'key_type' | 'public_id' | 'name' | 'reference' | 'status'
  > &
    Pick<Tables['imported_keys'], 'import_id' | 'secret_form' | 'secret_start' | 'last_used_at'> & {
      readonly email: string
    }
  const listUnseen = sqlStatement<UnseenQuery, UnseenRow>(
    (arg) => sql`
      select keys.id, keys.account_id, keys.key_type, keys.public_id, keys.name, keys.reference,
        keys.status, users.email, imported_keys.import_id, imported_keys.secret_form,
        imported_keys.secret_start, imported_keys.last_used_at
      from imported_keys join keys on keys.id = imported_keys.key_id
        join users on users.id = keys.owner_id
      where imported_keys.key_id > ${arg('after')} and not ${IS_USED} and keys.status <> 'revoked'
        and (cast(${arg('accountId')} as text) is null or keys.account_id = ${arg('accountId')})
        and (cast(${arg('importId')} as text) is null
          or imported_keys.import_id = ${arg('importId')})
      order by imported_keys.key_id limit ${arg('limit')}`,
  )

  type ExportedRow = Tables['keys'] &
    SummaryColumns & {
      readonly email: string
      readonly secret_start: string | null
      readonly pepper_name: string | null
    }
  const listExported = sqlStatement<
    { accountId: string | null; after: string; limit: number },
    ExportedRow
  >(
    (arg) => sql`
      select keys.*, ${selectSummaryColumns(engine)}, users.email,
        imported_keys.secret_start, peppers.name as pepper_name
      from keys join users on users.id = keys.owner_id
        left join imported_keys on imported_keys.key_id = keys.id
        left join peppers on peppers.id = imported_keys.pepper_id
      where keys.id > ${arg('after')}
        and (cast(${arg('accountId')} as text) is null or keys.account_id = ${arg('accountId')})
      order by keys.id limit ${arg('limit')}`,
  )

  const findPepper = sqlStatement<{ accountId: string; name: string }, Tables['peppers']>(
    (arg) => sql`
      select * from peppers where account_id = ${arg('accountId')} and name = ${arg('name')}`,
  )

  return {
    addImport: (keyImport: NewImport, event) =>
      audit.applyChange('imports', addImport(toImportRow(keyImport, event.id)), event),

    async findImport(id) {
      const [row] = await engine.read(find({ id }))
      return row === undefined ? null : toKeyImport(row)
    },

    async listImports({ accountId = null, after: before = LAST_ID, limit }) {
      return (await engine.scan(list({ accountId, before, limit }))).map(toKeyImport)
    },

    async findUnfinishedImport(digest, accountId) {
      const [row] = await engine.scan(findUnfinished({ digest, accountId }))
      return row === undefined ? null : toKeyImport(row)
    },

    finishImport: (id, counts, event) =>
      finish({ id, status: 'finished', ...counts, finished_at: event.at }, event),

    setImportUndone: (id, event) => setUndone({ id, status: 'undone', undone_at: event.at }, event),

    async listImportedKeys(id, { after = '', limit }) {
      const keys = await engine.read(listKeys({ id, after, limit }))
      return keys.map((row) => ({
        id: row.id,
        publicId: row.public_id,
        isUsed: Number(row.used) === 1,
      }))
    },

    async findExistingKeys({ publicIds, secretHashes, accountId = null }) {
      const wanted = {
        publicIds: JSON.stringify(publicIds),
        secretHashes: JSON.stringify(secretHashes),
        accountId,
      }
      const [byId, byHash] = await Promise.all([
        engine.read(findByPublicId(wanted)),
        secretHashes.length === 0 ? [] : engine.read(findByHash(wanted)),
      ])
      return [...byId, ...byHash].map(
        (row): ExistingKey => ({
          ...toKeySummary(row),
          secretHash: row.secret_hash,
          importId: row.import_id,
        }),
      )
    },

    async listUnseenKeys({ accountId = null, importId = null, after = '', limit }) {
      const found = await engine.scan(listUnseen({ accountId, importId, after, limit }))
      return found.map(
        (row): UnseenKey => ({
          id: row.id,
          accountId: row.account_id,
          keyType: row.key_type,
          publicId: row.public_id,
          name: row.name,
          reference: row.reference,
          ownerEmail: row.email,
          status: row.status,
          secretStart: row.secret_start,
          secretForm: row.secret_form,
          importId: row.import_id,
          lastUsedAt: row.last_used_at,
        }),
      )
    },

    async listExportedKeys({ accountId = null, after = '', limit }) {
      const found = await engine.scan(listExported({ accountId, after, limit }))
      return found.map(
        (row): ExportedKey => ({
          ...toKeySummary(row),
          secretHash: row.secret_hash,
          sealedSecret: row.sealed_secret,
          ownerEmail: row.email,
          secretStart: row.secret_start,
          pepperName: row.pepper_name,
        }),
      )
    },

    addPepper: (pepper: Pepper, event) =>
      audit.applyChange('peppers', addPepper(PEPPERS.toRow(pepper, event.id)), event),

    async findPepper(accountId, name) {
      const [row] = await engine.read(findPepper({ accountId, name }))
      return row === undefined ? null : PEPPERS.fromRow(row)
    },
  }
}
