import { readFileSync } from 'node:fs'
import Database from 'better-sqlite3'
import { expect, test } from 'vitest'
import { TABLE_SHAPES } from '../../src/storage/tables.ts'

interface Column {
  readonly name: string
  readonly pk: number
}

const db = new Database(':memory:')
db.exec(readFileSync(new URL('../../schema.sql', import.meta.url), 'utf8'))
const readColumns = (table: string) => db.pragma(`table_info(${table})`) as Column[]

test('the shapes are the tables of schema.sql: every column, and the key in its order', () => {
  const tables = db.prepare(`SELECT name FROM sqlite_master WHERE type = 'table' ORDER BY rowid`)
  const schemaTables = (tables.pluck().all() as string[]).map((name) => ({
    name,
    key: readColumns(name)
      .filter(({ pk }) => pk > 0)
      .sort((a, b) => a.pk - b.pk)
      .map((column) => column.name),
    columns: readColumns(name).map((column) => column.name),
  }))
  expect(TABLE_SHAPES).toEqual(schemaTables)
})

test('each table follows those that it refers to', () => {
  const order = TABLE_SHAPES.map(({ name }) => String(name))
  for (const [n, name] of order.entries()) {
    for (const { table } of db.pragma(`foreign_key_list(${name})`) as { table: string }[]) {
      expect(order.indexOf(table)).toBeLessThan(n)
    }
  }
})
