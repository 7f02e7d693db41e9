import { mkdirSync, writeFileSync } from 'node:fs'
import { dirname, join, relative } from 'node:path'
import type { SeededRandom } from '../support/random.ts'
import type { DiskEvent } from './recording.ts'

/** A disk writes a page whole or not at all, and pages in any order. */
const PAGE_BYTES = 4096

type FileChange = { readonly offset: number; readonly data: Buffer } | { readonly length: number }

class RecordedFile {
  contents: FileContents = new FileContents()
  /** The changes that no sync has brought to the disk, oldest first. */
  readonly pending: FileChange[] = []
}

class FileContents {
  #bytes = Buffer.alloc(0)
  #length = 0

  apply(change: FileChange): void {
    if ('length' in change) {
      this.#bytes.fill(0, change.length)
      this.#resize(change.length)
      return
    }
    const end = change.offset + change.data.length
    if (end > this.#length) this.#resize(end)
    change.data.copy(this.#bytes, change.offset)
  }

  clone(): FileContents {
    const clone = new FileContents()
    clone.apply({ offset: 0, data: this.toBuffer() })
    return clone
  }

  toBuffer(): Buffer {
    return this.#bytes.subarray(0, this.#length)
  }

  #resize(length: number): void {
    if (length > this.#bytes.length) {
      const bytes = Buffer.alloc(length * 2)
      this.#bytes.copy(bytes)
      this.#bytes = bytes
    }
    this.#length = length
  }
}

/** A name's new file; null if the name is gone. A rename changes two at once. */
type NameChange = readonly (readonly [path: string, entry: RecordedFile | 'folder' | null])[]
type Names = Map<string, RecordedFile | 'folder'>

/**
 * Plays a recording back, and knows at each moment what is certain to be on the disk: what a sync of the
 * file brought there, and the names that a sync of their folder did.
 */
export class RecordedDisk {
  readonly #root: string
  readonly #names: Names = new Map()
  readonly #syncedNames: Names = new Map()
  readonly #pendingNames = new Map<string, NameChange[]>()
  readonly #files = new Map<bigint, RecordedFile>()
  /** How many changes of a file or folder were pending when a thread began to sync it. */
  readonly #begunSyncs = new Map<string, number>()

  constructor(root: string) {
    this.#root = root
    this.#names.set(root, 'folder')
    this.#syncedNames.set(root, 'folder')
  }

  apply({ kind, text, file, offset, data }: DiskEvent): void {
    const [path = '', other = ''] = text.split('\n')
    const sync = `${offset} ${file}`
    if (kind === 'write') this.#getFile(file).pending.push({ offset, data })
    if (kind === 'truncate') this.#getFile(file).pending.push({ length: offset })
    if (kind === 'sync begins') this.#begunSyncs.set(sync, this.#countPending(path, file))
    if (kind === 'sync ended') this.#sync(path, file, this.#begunSyncs.get(sync) ?? 0)
    if (kind === 'create') {
      const created = new RecordedFile()
      this.#files.set(file, created)
      this.#rename([[path, created]])
    }
    if (kind === 'link') this.#rename([[other, this.#getEntry(path)]])
    if (kind === 'rename') {
      this.#rename([
        [path, null],
        [other, this.#getEntry(path)],
      ])
    }
    if (kind === 'unlink') this.#rename([[path, null]])
    if (kind === 'mkdir') this.#rename([[path, 'folder']])
  }

  #getFile(file: bigint): RecordedFile {
    const found = this.#files.get(file)
    if (found === undefined) throw new Error(`file ${file} was never created`)
    return found
  }

  #getEntry(path: string): RecordedFile | 'folder' {
    const entry = this.#names.get(path)
    if (entry === undefined) throw new Error(`${path} was never created`)
    return entry
  }

  #countPending(path: string, file: bigint): number {
    if (this.#names.get(path) !== 'folder') return this.#getFile(file).pending.length
    return this.#pendingNames.get(path)?.length ?? 0
  }

  #sync(path: string, file: bigint, count: number): void {
    if (this.#names.get(path) !== 'folder') {
      const { contents, pending } = this.#getFile(file)
      for (const change of pending.splice(0, count)) contents.apply(change)
      return
    }
    for (const change of this.#pendingNames.get(path)?.splice(0, count) ?? [])
      applyNames(this.#syncedNames, change)
  }

  #rename(change: NameChange): void {
    applyNames(this.#names, change)
    const folder = dirname(change[0]?.[0] ?? '')
    const pending = this.#pendingNames.get(folder) ?? []
    this.#pendingNames.set(folder, pending)
    pending.push(change)
  }

  /** Lists the files as the processes saw them, by their paths in the folder. */
  listFiles(): Map<string, Buffer> {
    return this.#list(this.#names, ({ contents, pending }) => addChanges(contents, pending))
  }

  /**
   * Writes what a power cut leaves: what was synced and, by chance, any part of the rest. Leaves out the
   * index of the write-ahead log, which SQLite makes anew.
   */
  cutPower(to: string, chance: SeededRandom | null): void {
    const names: Names = new Map(this.#syncedNames)
    for (const changes of this.#pendingNames.values()) {
      // File systems keep the order of names.
      const kept = chance?.between(0, changes.length) ?? 0
      for (const change of changes.slice(0, kept)) applyNames(names, change)
    }
    const share = chance?.pick([0.1, 0.5, 0.9]) ?? 0
    const files = this.#list(names, ({ contents, pending }) => {
      if (chance === null || pending.length === 0) return contents.toBuffer()
      const parts = pending.flatMap(splitIntoPages)
      return addChanges(
        contents,
        parts.filter(() => chance.happens(share)),
      )
    })
    mkdirSync(to)
    for (const [path, bytes] of files) {
      mkdirSync(dirname(join(to, path)), { recursive: true })
      writeFileSync(join(to, path), bytes, { mode: 0o600 })
    }
  }

  #list(names: Names, read: (file: RecordedFile) => Buffer): Map<string, Buffer> {
    const listed = new Map<string, Buffer>()
    for (const [path, entry] of names) {
      const isReachable = names.get(dirname(path)) === 'folder'
      if (entry === 'folder' || !isReachable || path.endsWith('-shm')) continue
      listed.set(relative(this.#root, path), read(entry))
    }
    return listed
  }
}

function applyNames(names: Names, change: NameChange): void {
  for (const [path, entry] of change) {
    if (entry === null) names.delete(path)
    else names.set(path, entry)
  }
}

function addChanges(contents: FileContents, changes: readonly FileChange[]): Buffer {
  const changed = contents.clone()
  for (const change of changes) changed.apply(change)
  return changed.toBuffer()
}

function splitIntoPages(change: FileChange): FileChange[] {
  if ('length' in change) return [change]
  const parts: FileChange[] = []
  for (let at = 0; at < change.data.length; ) {
    const offset = change.offset + at
    const end = at + PAGE_BYTES - (offset % PAGE_BYTES)
    parts.push({ offset, data: change.data.subarray(at, end) })
    at = end
  }
  return parts
}
