import { fail, ok, type Result } from '../../domain/failure.ts'
import { type JsonFault, scanJson } from './scan.ts'
import {
  type FoundValue,
  findNameSpan,
  type JsonSelector,
  listParts,
  NO_MAX_BYTES,
} from './selector.ts'
import { readName, readSpan } from './tokens.ts'

/**
 * Parses JSON, and refuses repeated names, which RFC 8259 §4 leaves open: one parser keeps the first
 * member, another the last, so that two services would judge two different messages.
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

/** Counts the members of all objects in a value. */
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
  get otherMembers() {
    return SELECT_ALL
  },
  get elements() {
    return SELECT_ALL
  },
  maxBytes: NO_MAX_BYTES,
}

/** Finds a name that an object has twice, as written. */
function findRepeatedMember(bytes: Uint8Array, { start, end }: FoundValue): string {
  const part = bytes.subarray(start, end)
  const root = scanJson(part, SELECT_ALL)
  const pendingValues: FoundValue[] = root.ok ? [root.value] : []
  for (let found = pendingValues.pop(); found !== undefined; found = pendingValues.pop()) {
    const parts = listParts(found)
    const names = new Set<string>()
    for (const member of parts) {
      if (names.has(member.name)) return readName(part, findNameSpan(part, member))
      names.add(member.name)
    }
    pendingValues.push(...parts)
  }
  throw new Error('no member is repeated')
}
