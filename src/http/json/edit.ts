import { joinBytes } from '../../domain/bytes.ts'
import { SLICE_BYTES, yieldToOtherWork } from '../../service/long-work.ts'
import { type FoundValue, findMember } from './selector.ts'
import { type ByteSpan, skipBlanks } from './tokens.ts'

/** Text that replaces these bytes. */
export interface JsonEdit extends ByteSpan {
  readonly text: string
}

/** A member to write. */
export interface JsonMember {
  readonly name: string
  /** JSON. */
  readonly value: string
}

/** Sets members of an object: replaces the values of existing ones and appends the others. */
export function setMembers(object: FoundValue, members: readonly JsonMember[]): JsonEdit[] {
  const edits: JsonEdit[] = []
  const added: string[] = []
  for (const { name, value } of members) {
    const found = findMember(object, name)
    if (found === undefined) added.push(formatJsonMember(name, value))
    else edits.push({ start: found.start, end: found.end, text: value })
  }
  if (added.length > 0) {
    const end = object.end - 1
    edits.push({ start: end, end, text: `${object.isEmpty ? '' : ','}${added.join(',')}` })
  }
  return edits
}

export const formatJsonMember = (name: string, value: string): string =>
  `${JSON.stringify(name)}:${value}`

const encoder = new TextEncoder()

/** Applies edits, which must not overlap, and keeps every other byte of the span. */
export function applyEdits(
  bytes: Uint8Array,
  span: ByteSpan,
  edits: readonly JsonEdit[],
): Uint8Array {
  return joinBytes(cutParts(bytes, span, edits))
}

/** `applyEdits` for input of any length: yields to other work between slices. */
export async function applyLongEdits(
  bytes: Uint8Array,
  span: ByteSpan,
  edits: readonly JsonEdit[],
): Promise<Uint8Array> {
  const parts = cutParts(bytes, span, edits)
  const all = new Uint8Array(countBytes(parts))
  let at = 0
  for (const part of parts) {
    for (let from = 0; from < part.length; from += SLICE_BYTES) {
      if (from > 0) await yieldToOtherWork()
      all.set(part.subarray(from, from + SLICE_BYTES), at + from)
    }
    at += part.length
  }
  return all
}

function cutParts(
  bytes: Uint8Array,
  { start, end }: ByteSpan,
  edits: readonly JsonEdit[],
): Uint8Array[] {
  const parts: Uint8Array[] = []
  let at = start
  for (const edit of edits.toSorted((one, other) => one.start - other.start)) {
    parts.push(bytes.subarray(at, edit.start), encoder.encode(edit.text))
    at = edit.end
  }
  return [...parts, bytes.subarray(at, end)]
}

/** Returns the bytes between the braces of an object, without this member and the comma beside it. */
export function removeMember(
  bytes: Uint8Array,
  object: FoundValue,
  member: FoundValue | undefined,
): Uint8Array {
  const start = object.start + 1
  const end = object.end - 1
  if (member === undefined) return bytes.subarray(start, end)
  let before = member.nameStart - 1
  while (isBlank(bytes[before])) before--
  if (bytes[before] === COMMA) {
    return joinBytes([bytes.subarray(start, before), bytes.subarray(member.end, end)])
  }
  const after = skipBlanks(bytes, member.end, end)
  return bytes.subarray(bytes[after] === COMMA ? after + 1 : end, end)
}

const COMMA = 0x2c
const isBlank = (byte: number | undefined) =>
  byte === 0x20 || byte === 0x0a || byte === 0x0d || byte === 0x09

const countBytes = (parts: readonly Uint8Array[]): number =>
  parts.reduce((length, part) => length + part.length, 0)
