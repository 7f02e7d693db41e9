import { existsSync } from 'node:fs'
import { resolve } from 'node:path'
import { SCHEMA_VERSION } from '../../storage/tables.ts'

/** Where a database is, or a file of SQL that becomes one. */
export type Place =
  | { readonly kind: 'sqlite'; readonly path: string }
  | { readonly kind: 'postgres'; readonly url: string }
  | { readonly kind: 'd1-import'; readonly path: string }

/** Reads `sqlite:PATH`, `postgres://…` or `d1-import:FILE`; null where it is none of them. */
export function readPlace(text: string): Place | null {
  const [, kind, path = ''] = /^(sqlite|d1-import):(.+)$/s.exec(text) ?? []
  if (kind === 'sqlite' || kind === 'd1-import') return { kind, path: resolve(path) }
  return /^postgres(ql)?:\/\/./.test(text) ? { kind: 'postgres', url: text } : null
}

/** Throws a sentence where a SQLite file is not of this version: a copy migrates nothing by the way. */
export async function requireCurrent(path: string, { mayMake }: { mayMake: boolean }) {
  if (!existsSync(path)) {
    if (mayMake) return
    throw new Error(`there is no database ${path}`)
  }
  const { default: Database } = await import('better-sqlite3')
  const { versionOf } = await import('../sqlite-schema.ts')
  const db = new Database(path, { readonly: true, timeout: 10_000 })
  try {
    const version = versionOf(db)
    if (version === SCHEMA_VERSION || (version === null && mayMake)) return
    throw new Error(
      version === null
        ? `${path} is not a database of Latchkey`
        : `${path} has schema version ${version}, this Latchkey copies version ${SCHEMA_VERSION}: ` +
            'bring it there first, `latchkey migrate --plan` says whether this one can',
    )
  } finally {
    db.close()
  }
}
