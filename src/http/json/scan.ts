import { fail, type InputFailure, ok, type Result } from '../../domain/failure.ts'

/** A range of bytes: `start` is the first byte, `end` the one after the last. */
export interface ByteSpan {
  readonly start: number
  readonly end: number
}

/** The parts to find in a value. All have the same fields, so that one compiled walk serves all. */
export interface JsonSelector {
  /** The name of the member to find; empty for a value of any name. */
  readonly name: string
  /** Members to find by name. A repeated one is refused. */
  readonly members: readonly JsonSelector[]
  /** The parts to find in every other member. Such a member may be repeated. */
  readonly others: JsonSelector | null
  readonly elements: JsonSelector | null
  /** The most bytes of the value. A longer object or array is refused before the rest of it is read. */
  readonly maxBytes: number
}

const NO_MAX_BYTES = 2 ** 30

/** Watches for a member, and for these members inside it. */
export const selectMember = (
  name: string,
  members: readonly JsonSelector[] = [],
): JsonSelector => ({
  name,
  members,
  others: null,
  elements: null,
  maxBytes: NO_MAX_BYTES,
})

/** Watches for a member that is an array, and for these members in each element. */
export const selectElements = (name: string, members: readonly JsonSelector[]): JsonSelector => ({
  name,
  members: [],
  others: null,
  elements: selectMember('', members),
  maxBytes: NO_MAX_BYTES,
})

/** A value that was watched for. The kind `nothing` is null or an empty string. */
export interface FoundValue extends ByteSpan {
  /** The member's name, unescaped; empty for a value that is not a member. */
  readonly name: string
  /** The first byte of the member's name; of the value if it is not a member. */
  readonly nameStart: number
  readonly kind: 'object' | 'array' | 'other' | 'nothing'
  /** Whether it has neither members nor elements. */
  readonly isEmpty: boolean
  /** The number of members of all objects in it. */
  readonly names: number
  readonly members: readonly FoundValue[]
  readonly elements: readonly FoundValue[]
}

export interface JsonBounds {
  /** The most levels of nested arrays and objects. */
  readonly depth: number
  /** The most values: each object, array, string, number and literal is one. */
  readonly values: number
}

/** Reasons for which JSON is refused. */
export type JsonFault = Extract<InputFailure, { reason: 'body_unreadable' | 'member_repeated' }>

/** For input from callers: a walk within these bounds takes a few milliseconds. */
export const JSON_BOUNDS: JsonBounds = { depth: 64, values: 200_000 }
/** For input that was accepted before, possibly by an older version. */
export const NO_BOUNDS: JsonBounds = { depth: 2 ** 30, values: 2 ** 30 }

/** Longer input is walked in slices of this length, with other work between them. */
export const SLICE_BYTES = 1024 * 1024

export const findMember = (found: FoundValue | undefined, name: string): FoundValue | undefined =>
  found?.members.find((member) => member.name === name)

/** Checks that the bytes are valid JSON within the bounds, and finds the watched values. */
export function scanJson(
  bytes: Uint8Array,
  selector = selectMember(''),
  bounds = JSON_BOUNDS,
): Result<FoundValue, JsonFault> {
  const end = walkJson(bytes, bounds, bytes.length, createWalkState(bytes, selector))
  if ('ok' in end) return end
  throw new Error('a walk has stopped before its end')
}

/** `scanJson` for input of any length: yields to other work between slices. */
export async function scanLongJson(
  bytes: Uint8Array,
  selector = selectMember(''),
  bounds = JSON_BOUNDS,
): Promise<Result<FoundValue, JsonFault>> {
  let end = walkJson(bytes, bounds, SLICE_BYTES, createWalkState(bytes, selector))
  while (!('ok' in end)) {
    await new Promise((resolve) => setTimeout(resolve, 0))
    end = walkJson(bytes, bounds, (end.partAt || end.at) + SLICE_BYTES, end)
  }
  return end
}

const decoder = new TextDecoder('utf-8', { ignoreBOM: true })

/** The text of a span of scanned JSON. */
export const readSpan = (bytes: Uint8Array, { start, end }: ByteSpan): string =>
  decoder.decode(bytes.subarray(start, end))

const MAX_REPORTED_NAME_BYTES = 66

/** A member's name as written, for error messages. */
export const readName = (bytes: Uint8Array, name: ByteSpan): string =>
  name.end - name.start > MAX_REPORTED_NAME_BYTES ? 'a long name' : readSpan(bytes, name)

/** The span of a found member's name. */
export const findNameSpan = (bytes: Uint8Array, { nameStart }: FoundValue): ByteSpan => ({
  start: nameStart,
  end: skipString(bytes, nameStart + 1, bytes.length),
})

/** The first byte after a byte order mark, which TextDecoder skips too. */
export const skipByteOrderMark = (bytes: Uint8Array): number =>
  bytes[0] === 0xef && bytes[1] === 0xbb && bytes[2] === 0xbf ? 3 : 0

type OpenValue = { -readonly [Name in keyof FoundValue]: FoundValue[Name] } & {
  members: FoundValue[]
  elements: FoundValue[]
}

/** What a walk reads next. */
const NAME = 0
const COLON = 1
const VALUE = 2
/** The first byte in an object or array that is not blank. */
const OPENED = 3
/** What follows a value. */
const ENDED = 4

/** The state of a walk that stopped in blanks, a string or a number. */
interface WalkState {
  readonly next: number
  readonly at: number
  /** How far the string or number at `at` was read; 0 if it was not. */
  readonly partAt: number
  /** The digits of the number at `at` that the walk stopped in. */
  readonly digits: number
  readonly values: number
  readonly names: number
  /** The innermost open value: whether it is an object, its watch, and what was found in it. */
  readonly isObject: boolean
  readonly parent: JsonSelector | null
  readonly openValue: OpenValue | undefined
  /** The same for the values around it. */
  readonly outer: readonly {
    readonly isObject: boolean
    readonly parent: JsonSelector | null
    readonly openValue: OpenValue | undefined
  }[]
  /** The whole value, once it has ended. */
  readonly root: FoundValue | undefined
  /** The open value that has a bound, the bound, and the offset that it must end by. */
  readonly bounded: OpenValue | undefined
  readonly maxBytes: number
  readonly mustEndBy: number
  /** The watch for the next value. */
  readonly selector: JsonSelector | null
  readonly name: string
  readonly nameStart: number
}

const createWalkState = (bytes: Uint8Array, selector: JsonSelector): WalkState => ({
  next: VALUE,
  at: skipByteOrderMark(bytes),
  partAt: 0,
  digits: NO_DIGITS,
  values: 0,
  names: 0,
  isObject: false,
  parent: null,
  openValue: undefined,
  outer: [],
  root: undefined,
  bounded: undefined,
  maxBytes: NO_MAX_BYTES,
  mustEndBy: 0,
  selector,
  name: '',
  nameStart: 0,
})

/**
 * Walks the bytes once, by RFC 8259 and the UTF-8 of the WHATWG Encoding Standard. It allocates nothing
 * for values that are not watched. At `until` it stops in blanks, a string or a number, and returns its
 * state. It is one function over local variables, because fields or a generator take two to four times
 * as long.
 */
function walkJson(
  bytes: Uint8Array,
  { depth: maxDepth, values: maxValues }: JsonBounds,
  until: number,
  from: WalkState,
): Result<FoundValue, JsonFault> | WalkState {
  const length = bytes.length
  const sliceEnd = Math.min(until, length)
  let { next, at, partAt, digits, values, names, isObject, parent, openValue } = from
  let { root, bounded, maxBytes, mustEndBy, selector, name, nameStart } = from
  let stop = bounded === undefined ? sliceEnd : Math.min(sliceEnd, mustEndBy)
  const outer = [...from.outer]

  for (;;) {
    if (next === NAME) {
      at = skipBlanks(bytes, at, stop)
      if (at >= stop && at < length) break
      if (bytes[at] !== 0x22) return failUnreadable(NOT_JSON)
      const end = skipString(bytes, partAt || at + 1, stop)
      if (end < 0) {
        if (end === INVALID_JSON) return failUnreadable(NOT_JSON)
        if (end === INVALID_UTF8) return failUnreadable(NOT_UTF8)
        partAt = -end
        break
      }
      partAt = 0
      names++
      selector = parent && findSelector(parent, bytes, at, end)
      if (selector !== null) {
        nameStart = at
        name = selector.name
        if (name === '') name = JSON.parse(readSpan(bytes, { start: at, end }))
        else if (findMember(openValue, name) !== undefined) {
          return fail({ reason: 'member_repeated', member: readName(bytes, { start: at, end }) })
        }
      }
      at = end
      next = COLON
    }

    if (next === COLON) {
      at = skipBlanks(bytes, at, stop)
      if (at >= stop && at < length) break
      if (bytes[at] !== 0x3a) return failUnreadable(NOT_JSON)
      at++
      next = VALUE
    }

    if (next === VALUE) {
      at = skipBlanks(bytes, at, stop)
      if (at >= stop && at < length) break
      const first = bytes[at]
      if (first === 0x7b || first === 0x5b) {
        if (++values > maxValues) return failUnreadable(describeTooManyValues(maxValues))
        if (outer.length >= maxDepth) return failUnreadable(describeTooDeep(maxDepth))
        outer.push({ isObject, parent, openValue })
        openValue =
          selector === null
            ? undefined
            : createOpenValue(
                isObject ? name : '',
                isObject ? nameStart : at,
                at,
                first === 0x7b ? 'object' : 'array',
                names,
              )
        if (selector !== null && selector.maxBytes < NO_MAX_BYTES && bounded === undefined) {
          bounded = openValue
          maxBytes = selector.maxBytes
          mustEndBy = at + maxBytes
          stop = Math.min(sliceEnd, mustEndBy)
        }
        isObject = first === 0x7b
        parent = selector
        at++
        next = OPENED
      } else {
        const start = at
        if (first === 0x22) {
          const end = skipString(bytes, partAt || at + 1, stop)
          if (end < 0) {
            if (end === INVALID_JSON) return failUnreadable(NOT_JSON)
            if (end === INVALID_UTF8) return failUnreadable(NOT_UTF8)
            partAt = -end
            break
          }
          at = end
        } else {
          const end = skipScalar(bytes, at, first, stop, partAt, digits)
          if (end < 0) {
            if (end === INVALID_JSON) return failUnreadable(NOT_JSON)
            partAt = Math.floor(-end / DIGIT_KINDS)
            digits = -end % DIGIT_KINDS
            break
          }
          digits = NO_DIGITS
          at = end
        }
        partAt = 0
        if (++values > maxValues) return failUnreadable(describeTooManyValues(maxValues))
        if (selector !== null) {
          if (at - start > selector.maxBytes)
            return failUnreadable(tooLong(selector.name, selector.maxBytes))
          const found = createScalar(
            isObject ? name : '',
            isObject ? nameStart : start,
            start,
            at,
            isNothing(bytes, start, at) ? 'nothing' : 'other',
          )
          if (isObject) openValue?.members.push(found)
          else if (outer.length > 0) openValue?.elements.push(found)
          else root = found
        }
        next = ENDED
      }
    }

    if (next === OPENED) {
      at = skipBlanks(bytes, at, stop)
      if (at >= stop && at < length) break
      const isEmpty = bytes[at] === (isObject ? 0x7d : 0x5d)
      if (openValue !== undefined) openValue.isEmpty = isEmpty
      next = isEmpty ? ENDED : isObject ? NAME : VALUE
    }

    // Closes the objects and arrays that end after the value.
    while (next === ENDED) {
      at = skipBlanks(bytes, at, stop)
      if (at >= stop && at < length) break
      if (outer.length === 0) {
        return at === length && root !== undefined ? ok(root) : failUnreadable(NOT_JSON)
      }
      const byte = bytes[at]
      at++
      if (byte === 0x2c) {
        next = isObject ? NAME : VALUE
        break
      }
      if (byte !== (isObject ? 0x7d : 0x5d)) return failUnreadable(NOT_JSON)
      const around = outer.pop() as WalkState['outer'][number]
      if (openValue !== undefined) {
        openValue.end = at
        openValue.names = names - openValue.names
        if (around.isObject) around.openValue?.members.push(openValue)
        else if (outer.length > 0) around.openValue?.elements.push(openValue)
        else root = openValue
        if (openValue === bounded) {
          bounded = undefined
          stop = sliceEnd
        }
      }
      isObject = around.isObject
      parent = around.parent
      openValue = around.openValue
    }
    if (next === ENDED) break
    if (next === VALUE && !isObject) selector = parent === null ? null : parent.elements
  }
  if (bounded !== undefined && (partAt || at) >= mustEndBy) {
    return failUnreadable(tooLong(bounded.name, maxBytes))
  }
  return {
    next,
    at,
    partAt,
    digits,
    values,
    names,
    isObject,
    parent,
    openValue,
    outer,
    root,
    bounded,
    maxBytes,
    mustEndBy,
    selector,
    name,
    nameStart,
  }
}

const createOpenValue = (
  name: string,
  nameStart: number,
  start: number,
  kind: FoundValue['kind'],
  names: number,
): OpenValue => ({
  name,
  nameStart,
  start,
  end: 0,
  kind,
  isEmpty: true,
  names,
  members: [],
  elements: [],
})

const createScalar = (
  name: string,
  nameStart: number,
  start: number,
  end: number,
  kind: FoundValue['kind'],
): FoundValue => ({
  name,
  nameStart,
  start,
  end,
  kind,
  isEmpty: true,
  names: 0,
  members: NO_VALUES,
  elements: NO_VALUES,
})

/** The watch for the member whose name is at these bytes. */
function findSelector(
  parent: JsonSelector,
  bytes: Uint8Array,
  start: number,
  end: number,
): JsonSelector | null {
  const { members, others } = parent
  for (const selector of members) if (isTextAt(bytes, start, end, selector.name)) return selector
  if (members.length === 0 || end - start > MAX_ESCAPED_NAME_BYTES) return others
  if (!hasEscape(bytes, start, end)) return others
  const name: string = JSON.parse(readSpan(bytes, { start, end }))
  return members.find((selector) => selector.name === name) ?? others
}

/** No name that is watched for is longer, however it is escaped (six bytes for each of 64 characters). */
const MAX_ESCAPED_NAME_BYTES = 6 * 64 + 2

function hasEscape(bytes: Uint8Array, start: number, end: number): boolean {
  for (let at = start; at < end; at++) if (bytes[at] === 0x5c) return true
  return false
}

const NO_VALUES: readonly FoundValue[] = []
const NOT_JSON = 'the body is not valid JSON'
const NOT_UTF8 = 'the body is not valid UTF-8'
const describeTooManyValues = (most: number) =>
  `the body has more than ${most.toLocaleString('en')} values`
const describeTooDeep = (most: number) => `the body is nested deeper than ${most} levels`
const tooLong = (name: string, most: number) => `${name} is longer than ${most} bytes`
const failUnreadable = (detail: string) => fail({ reason: 'body_unreadable', detail } as const)

export function skipBlanks(bytes: Uint8Array, start: number, stop: number): number {
  let at = start
  while (at < stop) {
    const byte = bytes[at] as number
    if (byte > 0x20 || (byte !== 0x20 && byte !== 0x0a && byte !== 0x0d && byte !== 0x09)) break
    at++
  }
  return at
}

/** No offset is this large, so these cannot be taken for one. */
const INVALID_JSON = Number.MIN_SAFE_INTEGER
const INVALID_UTF8 = INVALID_JSON + 1

/** The offset after the closing quote. If that is beyond `stop`: minus the offset that was read up to. */
function skipString(bytes: Uint8Array, start: number, stop: number): number {
  let at = start
  for (;;) {
    while (at < stop) {
      const byte = bytes[at] as number
      if (byte === 0x22 || byte === 0x5c || byte < 0x20 || byte >= 0x80) break
      at++
    }
    if (at >= stop) return at >= bytes.length ? INVALID_JSON : -at
    const byte = bytes[at] as number
    if (byte === 0x22) return at + 1
    if (byte < 0x80) {
      if (byte !== 0x5c) return INVALID_JSON
      at = skipEscape(bytes, at)
      if (at < 0) return INVALID_JSON
    } else {
      at = skipCharacter(bytes, at)
      if (at < 0) return INVALID_UTF8
    }
  }
}

const isDigit = (byte: number | undefined) => byte !== undefined && byte >= 0x30 && byte <= 0x39

/** Whether the string at these bytes is this ASCII text without an escape. */
function isTextAt(bytes: Uint8Array, start: number, end: number, text: string): boolean {
  if (end - start !== text.length + 2) return false
  for (let n = 0; n < text.length; n++) {
    if (bytes[start + 1 + n] !== text.charCodeAt(n)) return false
  }
  return true
}

/** Whether the value is null or an empty string. */
const isNothing = (bytes: Uint8Array, start: number, end: number): boolean =>
  bytes[start] === 0x6e || (end - start === 2 && bytes[start] === 0x22)

const LITERALS: ReadonlyMap<number, string> = new Map(
  ['true', 'false', 'null'].map((word) => [word.charCodeAt(0), word]),
)

/** The offset after a number, true, false or null; of a number as `skipNumber` has it. */
function skipScalar(
  bytes: Uint8Array,
  start: number,
  first: number | undefined,
  stop: number,
  partAt: number,
  digits: number,
): number {
  const word = first === undefined || first < 0x41 ? undefined : LITERALS.get(first)
  if (word === undefined) return skipNumber(bytes, partAt || start, stop, digits)
  for (let n = 1; n < word.length; n++) {
    if (bytes[start + n] !== word.charCodeAt(n)) return INVALID_JSON
  }
  return start + word.length
}

/** The digits of a number that a walk can stop in. */
const NO_DIGITS = 0
const INTEGER = 1
const FRACTION = 2
const EXPONENT = 3
const DIGIT_KINDS = 4

/**
 * The offset after the number. If its digits go beyond `stop`: minus the offset that was read up to times
 * `DIGIT_KINDS`, and minus the kind of the digits, from which it is to go on.
 */
function skipNumber(bytes: Uint8Array, start: number, stop: number, from: number): number {
  let at = start
  let digits = from
  if (digits === NO_DIGITS) {
    if (bytes[at] === 0x2d) at++
    if (bytes[at] === 0x30) at++
    else digits = INTEGER
  }
  if (digits === INTEGER) {
    at = skipDigits(bytes, at, stop)
    if (at < 0) return at === INVALID_JSON ? at : at * DIGIT_KINDS - INTEGER
    digits = NO_DIGITS
  }
  if (digits === NO_DIGITS && bytes[at] === 0x2e) {
    at++
    digits = FRACTION
  }
  if (digits === FRACTION) {
    at = skipDigits(bytes, at, stop)
    if (at < 0) return at === INVALID_JSON ? at : at * DIGIT_KINDS - FRACTION
    digits = NO_DIGITS
  }
  if (digits === NO_DIGITS && (bytes[at] === 0x65 || bytes[at] === 0x45)) {
    at++
    if (bytes[at] === 0x2b || bytes[at] === 0x2d) at++
    digits = EXPONENT
  }
  if (digits === EXPONENT) {
    at = skipDigits(bytes, at, stop)
    if (at < 0) return at === INVALID_JSON ? at : at * DIGIT_KINDS - EXPONENT
  }
  return at
}

/** The offset after one or more digits. If that is beyond `stop`: minus the offset that was read up to. */
function skipDigits(bytes: Uint8Array, start: number, stop: number): number {
  let at = start
  while (at < stop && isDigit(bytes[at])) at++
  if (at >= stop && at < bytes.length) return -at
  // The byte before the first digit is none.
  return isDigit(bytes[at - 1]) ? at : INVALID_JSON
}

const ESCAPE_LETTERS = new Set([...'"\\/bfnrt'].map((letter) => letter.charCodeAt(0)))

const isHexDigit = (byte: number | undefined) => {
  if (byte === undefined) return false
  const lower = byte | 0x20
  return isDigit(byte) || (lower >= 0x61 && lower <= 0x66)
}

function skipEscape(bytes: Uint8Array, start: number): number {
  const letter = bytes[start + 1]
  if (letter === undefined) return -1
  if (letter !== 0x75) return ESCAPE_LETTERS.has(letter) ? start + 2 : -1
  for (let n = 2; n < 6; n++) if (!isHexDigit(bytes[start + n])) return -1
  return start + 6
}

/** The offset after a well-formed character of two to four bytes (Unicode 16, table 3-7), or negative. */
function skipCharacter(bytes: Uint8Array, start: number): number {
  const first = bytes[start] as number
  const length = first < 0xe0 ? 2 : first < 0xf0 ? 3 : 4
  if (first < 0xc2 || first > 0xf4) return -1
  const second = bytes[start + 1] as number
  // Excludes overlong forms, surrogates, and code points beyond U+10FFFF.
  const minimum = first === 0xe0 ? 0xa0 : first === 0xf0 ? 0x90 : 0x80
  const maximum = first === 0xed ? 0x9f : first === 0xf4 ? 0x8f : 0xbf
  if (!(second >= minimum && second <= maximum)) return -1
  for (let n = 2; n < length; n++) {
    const byte = bytes[start + n] as number
    if (!(byte >= 0x80 && byte <= 0xbf)) return -1
  }
  return start + length
}
