/** A table or index as it was written, without what says nothing: comments, layout, quotes. */
export const withoutLayout = (sql: string): string =>
  sql
    .replace(/--[^\n]*/g, '')
    .replace(/\s+/g, ' ')
    .replace(/ ?([(),]) ?/g, '$1')

/** What SQLite and D1 say of themselves. */
export const SQLITE_SHAPE = `SELECT type, name, tbl_name, sql FROM sqlite_master
  WHERE sql IS NOT NULL AND name NOT LIKE '_cf%' AND name NOT LIKE 'sqlite_%' ORDER BY type, name`

export const shapeOf = (rows: readonly Record<string, unknown>[]) =>
  rows.map((row) => ({ ...row, sql: withoutLayout(String(row.sql)) }))

/** What PostgreSQL says of itself: columns in their order, constraints and indexes by their names. */
export const POSTGRES_SHAPE = `
  SELECT 'column' AS type, table_name || '.' || ordinal_position AS name,
    concat_ws(' ', column_name, data_type, is_nullable, column_default) AS sql
  FROM information_schema.columns WHERE table_schema = 'public'
  UNION ALL
  SELECT 'constraint', conrelid::regclass || '.' || conname, pg_get_constraintdef(oid)
  FROM pg_constraint WHERE connamespace = 'public'::regnamespace AND contype <> 'n'
  UNION ALL
  SELECT 'index', indexname, indexdef FROM pg_indexes WHERE schemaname = 'public'
  ORDER BY 1, 2`
