import { type Found, findMember, type Span, skipBlanks } from './json-scan.ts'

/** What is to stand in place of these bytes. */
export interface Edit extends Span {
  readonly text: string
}

/** A member as it is to be written. */
export interface Member {
  readonly name: string
  /** JSON. */
  readonly value: string
}

/** Gives an object these members: each in place of the one that is there, or else behind all others. */
export function setMembers(object: Found, members: readonly Member[]): Edit[] {
  const edits: Edit[] = []
  const added: string[] = []
  for (const { name, value } of members) {
    const found = findMember(object, name)
    if (found === undefined) added.push(writeMember(name, value))
    else edits.push({ start: found.start, end: found.end, text: value })
  }
  if (added.length > 0) {
    const end = object.end - 1
    edits.push({ start: end, end, text: `${object.isEmpty ? '' : ','}${added.join(',')}` })
  }
  return edits
}

export const writeMember = (name: string, value: string): string =>
  `${JSON.stringify(name)}:${value}`

const encoder = new TextEncoder()

/** These bytes with the edits, which do not overlap; every other byte as it is. */
export function applyEdits(
  bytes: Uint8Array,
  { start, end }: Span,
  edits: readonly Edit[],
): Uint8Array {
  const parts: Uint8Array[] = []
  let at = start
  for (const edit of edits.toSorted((one, other) => one.start - other.start)) {
    parts.push(bytes.subarray(at, edit.start), encoder.encode(edit.text))
    at = edit.end
  }
  return concat([...parts, bytes.subarray(at, end)])
}

/** What stands between the braces of an object, without this member of it and the comma beside it. */
export function withoutMember(
  bytes: Uint8Array,
  object: Found,
  member: Found | undefined,
): Uint8Array {
  const start = object.start + 1
  const end = object.end - 1
  if (member === undefined) return bytes.subarray(start, end)
  let before = member.nameStart - 1
  while (isBlank(bytes[before])) before--
  if (bytes[before] === COMMA) {
    return concat([bytes.subarray(start, before), bytes.subarray(member.end, end)])
  }
  const after = skipBlanks(bytes, member.end)
  return bytes.subarray(bytes[after] === COMMA ? after + 1 : end, end)
}

const COMMA = 0x2c
const isBlank = (byte: number | undefined) =>
  byte === 0x20 || byte === 0x0a || byte === 0x0d || byte === 0x09

function concat(parts: readonly Uint8Array[]): Uint8Array {
  const all = new Uint8Array(parts.reduce((length, part) => length + part.length, 0))
  let at = 0
  for (const part of parts) {
    all.set(part, at)
    at += part.length
  }
  return all
}
