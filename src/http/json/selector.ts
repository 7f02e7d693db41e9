import { type ByteSpan, skipString } from './tokens.ts'

/** The parts to find in a value. All selectors have the same fields, so that one compiled walk serves all. */
export interface JsonSelector {
  /** The name of the member to find; empty for a value of any name. */
  readonly name: string
  /** Members to find by name. A repeated one is refused. */
  readonly members: readonly JsonSelector[]
  /** The parts to find in every other member. Such a member may be repeated. */
  readonly otherMembers: JsonSelector | null
  readonly elements: JsonSelector | null
  /** The most bytes of the value. A longer object or array is refused before the rest of it is read. */
  readonly maxBytes: number
}

export const NO_MAX_BYTES = 2 ** 30

/** Selects a member, and these members inside it. */
export const selectMember = (
  name: string,
  members: readonly JsonSelector[] = [],
): JsonSelector => ({
  name,
  members,
  otherMembers: null,
  elements: null,
  maxBytes: NO_MAX_BYTES,
})

/** Selects a member that is an array, and these members in each element. */
export const selectElements = (name: string, members: readonly JsonSelector[]): JsonSelector =>
  selectArray(name, selectMember('', members))

/** Selects a member that is an array, and what the selector finds in each element. */
export const selectArray = (name: string, elements: JsonSelector): JsonSelector => ({
  name,
  members: [],
  otherMembers: null,
  elements,
  maxBytes: NO_MAX_BYTES,
})

/** A selected value. The kind `nothing` is null or an empty string. */
export interface FoundValue extends ByteSpan {
  /** The member's name, unescaped; empty for a value that is not a member. */
  readonly name: string
  /** The first byte of the member's name; of the value if it is not a member. */
  readonly nameStart: number
  readonly kind: 'object' | 'array' | 'other' | 'nothing'
  /** True if it has neither members nor elements. */
  readonly isEmpty: boolean
  /** The number of members of all objects in it. */
  readonly names: number
  /** The first selected member or element. */
  readonly firstPart: FoundValue | null
  /** The next selected part of the value around this one. */
  readonly nextPart: FoundValue | null
}

export function findMember(found: FoundValue | undefined, name: string): FoundValue | undefined {
  let part = found?.firstPart ?? null
  while (part !== null && part.name !== name) part = part.nextPart
  return part ?? undefined
}

/** Lists the selected members of an object, or elements of an array. */
export function listParts(found: FoundValue | undefined): FoundValue[] {
  const parts: FoundValue[] = []
  for (let part = found?.firstPart ?? null; part !== null; part = part.nextPart) parts.push(part)
  return parts
}

/** Finds the span of a selected member's name. */
export const findNameSpan = (bytes: Uint8Array, { nameStart }: FoundValue): ByteSpan => ({
  start: nameStart,
  end: skipString(bytes, nameStart + 1, bytes.length),
})
