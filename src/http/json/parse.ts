import { fail, ok, type Result } from '../../domain/failure.ts'
import {
  type FoundValue,
  findNameSpan,
  type JsonFault,
  type JsonSelector,
  readName,
  readSpan,
  scanJson,
  selectMember,
} from './scan.ts'

/**
 * Strict JSON: what RFC 8259 §4 leaves to chance is refused. Of two members with one name a parser
 * keeps the first, another the last, and then two services judge two different messages.
 */
export function parseJson(bytes: Uint8Array): Result<unknown, JsonFault> {
  const found = scanJson(bytes)
  return found.ok ? parseScannedJson(bytes, found.value) : found
}

/** `parseJson` for a value that was scanned. */
export function parseScannedJson(bytes: Uint8Array, found: FoundValue): Result<unknown, JsonFault> {
  const value: unknown = JSON.parse(readSpan(bytes, found))
  // JSON.parse keeps one of two members with the same name, so a lower count reveals a repeat.
  return countMembers(value) === found.names
    ? ok(value)
    : fail({ reason: 'member_repeated', member: findRepeatedMember(bytes, found) })
}

/** The number of members of all objects in a value. */
function countMembers(root: unknown): number {
  let members = 0
  const pendingValues: unknown[] = [root]
  for (let value = pendingValues.pop(); value !== undefined; value = pendingValues.pop()) {
    if (typeof value !== 'object' || value === null) continue
    if (Array.isArray(value)) {
      for (const element of value) if (isObject(element)) pendingValues.push(element)
      continue
    }
    // for-in is five times as fast as Object.keys, and JSON.parse's objects inherit no members.
    for (const name in value) {
      members++
      const member: unknown = value[name as keyof typeof value]
      if (isObject(member)) pendingValues.push(member)
    }
  }
  return members
}

const isObject = (value: unknown): value is object => typeof value === 'object' && value !== null

const SELECT_ALL: JsonSelector = {
  name: '',
  members: [],
  get others() {
    return SELECT_ALL
  },
  get elements() {
    return SELECT_ALL
  },
  maxBytes: selectMember('').maxBytes,
}

/** A member name that an object has twice, as written. */
function findRepeatedMember(bytes: Uint8Array, { start, end }: FoundValue): string {
  const part = bytes.subarray(start, end)
  const root = scanJson(part, SELECT_ALL)
  const pendingValues: FoundValue[] = root.ok ? [root.value] : []
  for (let found = pendingValues.pop(); found !== undefined; found = pendingValues.pop()) {
    const names = new Set<string>()
    for (const member of found.members) {
      if (names.has(member.name)) return readName(part, findNameSpan(part, member))
      names.add(member.name)
    }
    pendingValues.push(...found.members, ...found.elements)
  }
  throw new Error('no member is there twice')
}
