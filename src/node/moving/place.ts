import { resolve } from 'node:path'
import { isPostgres } from '../../config.ts'

/** A database that can be copied from, and into. */
export type Place =
  | { readonly engine: 'sqlite'; readonly path: string }
  | { readonly engine: 'postgres'; readonly url: string }

/** A file of SQL that makes one. */
export interface ImportFile {
  readonly engine: 'd1-import'
  readonly path: string
}

/** Reads `sqlite:PATH`, `postgres://…` or `d1-import:FILE`; null where it is none of them. */
export function readPlace(text: string): Place | ImportFile | null {
  const [, engine, path = ''] = /^(sqlite|d1-import):(.+)$/s.exec(text) ?? []
  if (engine === 'sqlite' || engine === 'd1-import') return { engine, path: resolve(path) }
  return isPostgres(text) ? { engine: 'postgres', url: text } : null
}

/** The same without a password. */
export function nameOf(place: Place): string {
  if (place.engine === 'sqlite') return `sqlite:${place.path}`
  const { protocol, host, pathname } = new URL(place.url)
  return `${protocol}//${host}${pathname}`
}
