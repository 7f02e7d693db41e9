import { fail, ok, type Result } from '../domain/failure.ts'
import {
  type FoundValue,
  type JsonFault,
  nameSpan,
  readName,
  readSpan,
  scanJson,
  type Watch,
  watchMember,
} from './json-scan.ts'

/**
 * Strict JSON: what RFC 8259 §4 leaves to chance is refused. Of two members with one name a parser
 * keeps the first, another the last, and then two services judge two different messages.
 */
export function parseJson(bytes: Uint8Array): Result<unknown, JsonFault> {
  const found = scanJson(bytes)
  return found.ok ? parseFound(bytes, found.value) : found
}

/** `parseJson` for a value that was scanned. */
export function parseFound(bytes: Uint8Array, found: FoundValue): Result<unknown, JsonFault> {
  const value: unknown = JSON.parse(readSpan(bytes, found))
  // JSON.parse keeps one of two members with the same name, so a lower count reveals a repeat.
  return countMembers(value) === found.names
    ? ok(value)
    : fail({ reason: 'member_repeated', member: findRepeated(bytes, found) })
}

/** The number of members of all objects in a value. */
function countMembers(root: unknown): number {
  let members = 0
  const open: unknown[] = [root]
  for (let value = open.pop(); value !== undefined; value = open.pop()) {
    if (typeof value !== 'object' || value === null) continue
    if (Array.isArray(value)) {
      for (const element of value) if (isObject(element)) open.push(element)
      continue
    }
    // for-in is five times as fast as Object.keys, and JSON.parse's objects inherit no members.
    for (const name in value) {
      members++
      const member: unknown = value[name as keyof typeof value]
      if (isObject(member)) open.push(member)
    }
  }
  return members
}

const isObject = (value: unknown): value is object => typeof value === 'object' && value !== null

const WATCH_ALL: Watch = {
  name: '',
  members: [],
  get others() {
    return WATCH_ALL
  },
  get elements() {
    return WATCH_ALL
  },
  maxBytes: watchMember('').maxBytes,
}

/** A member name that an object has twice, as written. */
function findRepeated(bytes: Uint8Array, { start, end }: FoundValue): string {
  const part = bytes.subarray(start, end)
  const root = scanJson(part, WATCH_ALL)
  const open: FoundValue[] = root.ok ? [root.value] : []
  for (let found = open.pop(); found !== undefined; found = open.pop()) {
    const names = new Set<string>()
    for (const member of found.members) {
      if (names.has(member.name)) return readName(part, nameSpan(part, member))
      names.add(member.name)
    }
    open.push(...found.members, ...found.elements)
  }
  throw new Error('no member is there twice')
}
