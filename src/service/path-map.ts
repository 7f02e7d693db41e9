/**
 * Maps lists of one length to values. Unlike a Map of joined texts, it neither copies nor hashes them, which costs
 * more than the lookups: V8 keeps the hash of each text.
 */
export class PathMap<Value> {
  readonly #root: PathNode<Value> = new Map()
  readonly #values: Value[] = []

  /** All values, in the order in which they were added. */
  get values(): readonly Value[] {
    return this.#values
  }

  get(path: readonly unknown[]): Value | undefined {
    let found: PathNode<Value> | Value | undefined = this.#root
    for (let n = 0; n < path.length && found !== undefined; n++) {
      found = (found as PathNode<Value>).get(path[n])
    }
    return found as Value | undefined
  }

  /** Returns the value of a path. Creates it first, if there is none. */
  getOrAdd(path: readonly unknown[], create: () => Value): Value {
    const found = this.get(path)
    if (found !== undefined) return found
    const value = create()
    this.add(path, value)
    return value
  }

  /** Adds the value of a path that has none. */
  add(path: readonly unknown[], value: Value): void {
    let node = this.#root
    for (const part of path.slice(0, -1)) {
      const next = (node.get(part) as PathNode<Value> | undefined) ?? new Map()
      node.set(part, next)
      node = next
    }
    node.set(path.at(-1), value)
    this.#values.push(value)
  }
}

type PathNode<Value> = Map<unknown, PathNode<Value> | Value>
