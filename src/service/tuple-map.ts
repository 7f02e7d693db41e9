/**
 * Maps tuples of one length to values. Unlike a Map of joined texts, it neither copies nor hashes the texts, which
 * costs more than the lookups: V8 keeps the hash of each text.
 */
export class TupleMap<Value> {
  readonly #root: TupleNode<Value> = new Map()
  readonly #values: Value[] = []

  /** All values, in the order in which they were added. */
  get values(): readonly Value[] {
    return this.#values
  }

  get(tuple: readonly unknown[]): Value | undefined {
    let found: TupleNode<Value> | Value | undefined = this.#root
    for (let n = 0; n < tuple.length && found !== undefined; n++) {
      found = (found as TupleNode<Value>).get(tuple[n])
    }
    return found as Value | undefined
  }

  /** Adds the value of a tuple that has none, and returns it. */
  add(tuple: readonly unknown[], value: Value): Value {
    let node = this.#root
    for (const part of tuple.slice(0, -1)) {
      const next = (node.get(part) as TupleNode<Value> | undefined) ?? new Map()
      node.set(part, next)
      node = next
    }
    node.set(tuple.at(-1), value)
    this.#values.push(value)
    return value
  }
}

/** The values of the tuples that begin alike, by the part that follows. */
type TupleNode<Value> = Map<unknown, TupleNode<Value> | Value>
