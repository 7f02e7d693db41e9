import { Compiler, type Engine } from '../engine.ts'
import { LISTS, SHAPES, type Shape } from '../shapes.ts'
import { type Digest, digestOf, type NewHash, pagesOf } from './digest.ts'
import { createMoving, keyIn, type Moving } from './rows.ts'

export interface Watch {
  readonly newHash: NewHash
  /** How far it is, in rows; and in which table. */
  readonly progress: (done: number, all: number, what: string) => void
}

export interface Copied {
  readonly table: string
  /** How many rows were written by this run; the others were there. */
  readonly written: number
  readonly source: Digest
  readonly target: Digest
}

/** Why nothing was copied: a sentence. */
export class CopyRefused extends Error {
  override name = 'CopyRefused'
}

/** Whether both hold the same. */
export const isEqual = ({ source, target }: Copied): boolean =>
  source.rows === target.rows && source.sha256 === target.sha256

/**
 * Copies every row of a database into another one with the same schema, which must be empty or what
 * an earlier run left: that one is gone on with. Then reads both, and answers what each table holds.
 */
export async function copyRows(from: Engine, to: Engine, watch: Watch): Promise<Copied[]> {
  const source = createMoving(from, new Compiler(from.sql))
  const target = createMoving(to, new Compiler(to.sql))
  for (const shape of LISTS) await requirePart(source, target, shape)
  const all = await countAll(source)
  const written = new Map<string, number>()
  let done = 0
  for (const shape of LISTS) {
    const last = await target.last(shape)
    const there = await target.count(shape)
    done += there
    let count = 0
    for await (const page of pagesOf(source, shape, last && keyIn(shape, last))) {
      await to.atomic(target.insert(shape, page))
      count += page.length
      watch.progress(done + count, all, shape.name)
    }
    done += count
    written.set(shape.name, count)
  }
  for (const shape of SHAPES) {
    if (shape.key.length > 0 || shape.name === 'schema_version') continue
    const row = await source.only(shape)
    if (row !== null) await to.atomic([target.replace(shape, row)])
  }
  return compareRows(from, to, watch, written)
}

/** Reads both, and answers what each table holds. */
export async function compareRows(
  from: Engine,
  to: Engine,
  { newHash, progress }: Watch,
  written: ReadonlyMap<string, number> = new Map(),
): Promise<Copied[]> {
  const source = createMoving(from, new Compiler(from.sql))
  const target = createMoving(to, new Compiler(to.sql))
  const all = await countAll(source)
  const copied: Copied[] = []
  let done = 0
  for (const shape of SHAPES) {
    const onRows = (rows: number) => {
      done += rows
      progress(done / 2, all, `comparing ${shape.name}`)
    }
    copied.push({
      table: shape.name,
      written: written.get(shape.name) ?? 0,
      source: await digestOf(source, shape, newHash, onRows),
      target: await digestOf(target, shape, newHash, onRows),
    })
  }
  return copied
}

export async function countAll(source: Moving): Promise<number> {
  let all = 0
  for (const shape of LISTS) all += await source.count(shape)
  return all
}

/**
 * What the target holds must be the beginning of what the source holds: its first row and its last,
 * and no more between them.
 */
async function requirePart(source: Moving, target: Moving, shape: Shape): Promise<void> {
  const last = await target.last(shape)
  if (last === null) return
  const [first] = await target.page(shape, null, 1)
  for (const row of [first ?? last, last]) {
    if ((await source.find(shape, keyIn(shape, row))) === null) refuse(shape)
  }
  if ((await source.countTo(shape, keyIn(shape, last))) < (await target.count(shape))) refuse(shape)
}

function refuse({ name }: Shape): never {
  throw new CopyRefused(
    `the target is neither empty nor a part of this source: its table ${name} holds other rows. ` +
      'Copy into an empty database',
  )
}
