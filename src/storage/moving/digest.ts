import type { Shape } from '../shapes.ts'
import { keyIn, type Moving, type Values } from './rows.ts'

/** SHA-256, fed bit by bit. */
export interface Hash {
  update(text: string): unknown
  /** In hex. */
  end(): string
}
export type NewHash = () => Hash

/** How many rows a table has, and a digest of all of them in the order of their keys. */
export interface Digest {
  readonly rows: number
  readonly sha256: string
}

/** A page is held in memory, and a message may have 40 MB. */
const pageOf = ({ name }: Shape): number => (name === 'messages' ? 16 : 1000)

/** The same rows give the same digest on every engine. */
export async function digestOf(
  moving: Moving,
  shape: Shape,
  newHash: NewHash,
  onRows: (rows: number) => void,
): Promise<Digest> {
  const hash = newHash()
  let rows = 0
  for await (const page of pagesOf(moving, shape)) {
    for (const row of page) hash.update(`${JSON.stringify(row)}\n`)
    rows += page.length
    onRows(page.length)
  }
  return { rows, sha256: hash.end() }
}

/** Every row of a table after a key, a page at a time. */
export async function* pagesOf(
  moving: Moving,
  shape: Shape,
  after: Values | null = null,
): AsyncGenerator<Values[]> {
  if (shape.key.length === 0) {
    const row = await moving.only(shape)
    if (row !== null) yield [row]
    return
  }
  for (let from = after; ; ) {
    const page = await moving.page(shape, from, pageOf(shape))
    const last = page.at(-1)
    if (last === undefined) return
    yield page
    from = keyIn(shape, last)
  }
}
