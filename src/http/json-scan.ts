import { fail, ok, type Result, type Unreadable } from '../domain/failure.ts'

/** Where a value stands in the bytes: from its first byte to the one after its last. */
export interface Span {
  readonly start: number
  readonly end: number
}

/** What to find in a value. All have the same fields, so that one walk is compiled for all. */
export interface Watch {
  /** Of the member that it is for; empty where it is for none in particular. */
  readonly name: string
  /** Members to find by their names. None of them may be there twice. */
  readonly members: readonly Watch[]
  /** For every other member: it may be there twice. */
  readonly others: Watch | null
  readonly elements: Watch | null
}

/** To find the member, and in it these. */
export const watchMember = (name: string, members: readonly Watch[] = []): Watch => ({
  name,
  members,
  others: null,
  elements: null,
})

/** To find the member, and these in each element of its array. */
export const watchElements = (name: string, members: readonly Watch[]): Watch => ({
  name,
  members: [],
  others: null,
  elements: watchMember('', members),
})

/** A value that was watched for. `nothing`: null, or an empty text. */
export interface Found extends Span {
  /** Its name, unescaped; empty where it is no member. */
  readonly name: string
  /** Where its name begins; where the value does when it is no member. */
  readonly nameStart: number
  readonly kind: 'object' | 'array' | 'other' | 'nothing'
  /** It has neither members nor elements. */
  readonly isEmpty: boolean
  /** How many members all objects in it have together. */
  readonly names: number
  readonly members: readonly Found[]
  readonly elements: readonly Found[]
}

export interface JsonBounds {
  /** So many arrays and objects in one another. */
  readonly depth: number
  /** So many values in all: each object, array, text, number and so on is one. */
  readonly values: number
}

/** What can be wrong with JSON. */
export type JsonFault = Extract<Unreadable, { reason: 'body_unreadable' | 'member_repeated' }>

/** What is taken from others. Whatever is bound by these is walked through in some milliseconds. */
export const JSON_BOUNDS: JsonBounds = { depth: 64, values: 200_000 }
/** For what was judged before, maybe by an older version. */
export const NO_BOUNDS: JsonBounds = { depth: 2 ** 30, values: 2 ** 30 }

/** Longer bytes are walked through in pieces of this length, and other work is done between two. */
export const SLICE_BYTES = 1024 * 1024

export const findMember = (found: Found | undefined, name: string): Found | undefined =>
  found?.members.find((member) => member.name === name)

/** JSON as it is written: whole, and within the bounds; and what was watched for in it. */
export function scanJson(
  bytes: Uint8Array,
  watch = watchMember(''),
  bounds = JSON_BOUNDS,
): Result<Found, JsonFault> {
  const end = walk(bytes, bounds, bytes.length, startOf(bytes, watch))
  if ('ok' in end) return end
  throw new Error('a walk has stopped before its end')
}

/** The same for bytes of any length: a long walk leaves room for other work. */
export async function scanLongJson(
  bytes: Uint8Array,
  watch = watchMember(''),
  bounds = JSON_BOUNDS,
): Promise<Result<Found, JsonFault>> {
  let end = walk(bytes, bounds, SLICE_BYTES, startOf(bytes, watch))
  while (!('ok' in end)) {
    await new Promise((resolve) => setTimeout(resolve, 0))
    end = walk(bytes, bounds, (end.stringAt || end.at) + SLICE_BYTES, end)
  }
  return end
}

const decoder = new TextDecoder('utf-8', { ignoreBOM: true })

/** The text of a part of JSON that was scanned. */
export const readSpan = (bytes: Uint8Array, { start, end }: Span): string =>
  decoder.decode(bytes.subarray(start, end))

const MAX_SHOWN_NAME_BYTES = 66

/** A member's name as it is written, for people. */
export const readName = (bytes: Uint8Array, name: Span): string =>
  name.end - name.start > MAX_SHOWN_NAME_BYTES ? 'a long name' : readSpan(bytes, name)

/** Where the name of a member ends that was found. */
export const nameSpan = (bytes: Uint8Array, { nameStart }: Found): Span => ({
  start: nameStart,
  end: endOfString(bytes, nameStart + 1, bytes.length),
})

/** Where JSON begins behind a byte order mark, which TextDecoder passes over too. */
export const skipByteOrderMark = (bytes: Uint8Array): number =>
  bytes[0] === 0xef && bytes[1] === 0xbb && bytes[2] === 0xbf ? 3 : 0

type Open = { -readonly [Name in keyof Found]: Found[Name] } & {
  members: Found[]
  elements: Found[]
}

/** Where a walk has got to: before a name or a value. */
interface Place {
  readonly at: number
  /** How far the string that begins there was read; 0 where it was not. */
  readonly stringAt: number
  readonly isNameNext: boolean
  readonly values: number
  readonly names: number
  /** What is open here: whether it is an object, what to find in it, and what of it was found. */
  readonly isObject: boolean
  readonly parent: Watch | null
  readonly open: Open | undefined
  /** The same of all around it. */
  readonly outer: readonly {
    readonly isObject: boolean
    readonly parent: Watch | null
    readonly open: Open | undefined
  }[]
  /** Of the value that comes next. */
  readonly watch: Watch | null
  readonly name: string
  readonly nameStart: number
}

const startOf = (bytes: Uint8Array, watch: Watch): Place => ({
  at: skipByteOrderMark(bytes),
  stringAt: 0,
  isNameNext: false,
  values: 0,
  names: 0,
  isObject: false,
  parent: null,
  open: undefined,
  outer: [],
  watch,
  name: '',
  nameStart: 0,
})

/**
 * One walk through bytes, from the first to the last, by RFC 8259; UTF-8 as a browser reads it. It
 * makes nothing of what is not watched for, so its cost is that of its bytes. Behind `until` it stops
 * at the next value or in a string, and says where it is. Written as one function over locals: with
 * fields or a generator it takes two to four times as long.
 */
function walk(
  bytes: Uint8Array,
  { depth: maxDepth, values: maxValues }: JsonBounds,
  until: number,
  from: Place,
): Result<Found, JsonFault> | Place {
  const length = bytes.length
  const stop = Math.min(until, length)
  let { at, stringAt, isNameNext, values, names, isObject, parent, open, watch, name, nameStart } =
    from
  const outer = [...from.outer]

  for (;;) {
    if (isNameNext) {
      at = skipBlanks(bytes, at)
      if (bytes[at] !== 0x22) return unreadable(NO_JSON)
      const end = endOfString(bytes, stringAt || at + 1, stop)
      if (end < 0) {
        if (end === WRONG_JSON) return unreadable(NO_JSON)
        if (end === WRONG_UTF8) return unreadable(NO_UTF8)
        stringAt = -end
        break
      }
      stringAt = 0
      isNameNext = false
      names++
      watch = parent && findWatch(parent, bytes, at, end)
      if (watch !== null) {
        nameStart = at
        name = watch.name
        if (name === '') name = JSON.parse(readSpan(bytes, { start: at, end }))
        else if (findMember(open, name) !== undefined) {
          return fail({ reason: 'member_repeated', member: readName(bytes, { start: at, end }) })
        }
      }
      at = skipBlanks(bytes, end)
      if (bytes[at] !== 0x3a) return unreadable(NO_JSON)
      at++
    }

    // A value.
    at = skipBlanks(bytes, at)
    if (at >= stop && at < length) break
    const first = bytes[at]
    let found: Found | undefined
    let isOpened = false
    if (first === 0x7b || first === 0x5b) {
      if (++values > maxValues) return unreadable(tooMany(maxValues))
      if (outer.length >= maxDepth) return unreadable(tooDeep(maxDepth))
      outer.push({ isObject, parent, open })
      open =
        watch === null
          ? undefined
          : openAt(
              isObject ? name : '',
              isObject ? nameStart : at,
              at,
              first === 0x7b ? 'object' : 'array',
              names,
            )
      isObject = first === 0x7b
      parent = watch
      at = skipBlanks(bytes, at + 1)
      isOpened = bytes[at] !== (isObject ? 0x7d : 0x5d)
      if (open !== undefined) open.isEmpty = !isOpened
    } else {
      const start = at
      if (first === 0x22) {
        const end = endOfString(bytes, stringAt || at + 1, stop)
        if (end < 0) {
          if (end === WRONG_JSON) return unreadable(NO_JSON)
          if (end === WRONG_UTF8) return unreadable(NO_UTF8)
          stringAt = -end
          break
        }
        stringAt = 0
        at = end
      } else {
        at = endOfScalar(bytes, at, first)
        if (at < 0) return unreadable(NO_JSON)
      }
      if (++values > maxValues) return unreadable(tooMany(maxValues))
      if (watch !== null) {
        found = scalarAt(
          isObject ? name : '',
          isObject ? nameStart : start,
          start,
          at,
          isNothing(bytes, start, at) ? 'nothing' : 'other',
        )
        if (isObject) open?.members.push(found)
        else open?.elements.push(found)
      }
      at = skipBlanks(bytes, at)
    }

    // Behind it: whatever it was the last of is closed.
    while (!isOpened) {
      if (outer.length === 0) {
        return at === length && found !== undefined ? ok(found) : unreadable(NO_JSON)
      }
      const byte = bytes[at]
      at++
      if (byte === 0x2c) break
      if (byte !== (isObject ? 0x7d : 0x5d)) return unreadable(NO_JSON)
      const around = outer.pop() as Place['outer'][number]
      if (open !== undefined) {
        open.end = at
        open.names = names - open.names
        found = open
        if (around.isObject) around.open?.members.push(open)
        else around.open?.elements.push(open)
      }
      isObject = around.isObject
      parent = around.parent
      open = around.open
      at = skipBlanks(bytes, at)
    }
    isNameNext = isObject
    if (!isObject) watch = parent === null ? null : parent.elements
  }
  return {
    at,
    stringAt,
    isNameNext,
    values,
    names,
    isObject,
    parent,
    open,
    outer,
    watch,
    name,
    nameStart,
  }
}

const openAt = (
  name: string,
  nameStart: number,
  start: number,
  kind: Found['kind'],
  names: number,
): Open => ({
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

const scalarAt = (
  name: string,
  nameStart: number,
  start: number,
  end: number,
  kind: Found['kind'],
): Found => ({
  name,
  nameStart,
  start,
  end,
  kind,
  isEmpty: true,
  names: 0,
  members: NOTHING,
  elements: NOTHING,
})

/** What to find in the member whose name stands there. */
function findWatch(parent: Watch, bytes: Uint8Array, start: number, end: number): Watch | null {
  const { members, others } = parent
  for (const watch of members) if (isWritten(bytes, start, end, watch.name)) return watch
  if (members.length === 0 || !hasEscape(bytes, start, end)) return others
  const name: string = JSON.parse(readSpan(bytes, { start, end }))
  return members.find((watch) => watch.name === name) ?? others
}

function hasEscape(bytes: Uint8Array, start: number, end: number): boolean {
  for (let at = start; at < end; at++) if (bytes[at] === 0x5c) return true
  return false
}

const NOTHING: readonly Found[] = []
const NO_JSON = 'the body is not valid JSON'
const NO_UTF8 = 'the body is not valid UTF-8'
const tooMany = (most: number) => `the body has more than ${most.toLocaleString('en')} values`
const tooDeep = (most: number) => `the body is nested deeper than ${most} levels`
const unreadable = (detail: string) => fail({ reason: 'body_unreadable', detail } as const)

export function skipBlanks(bytes: Uint8Array, start: number): number {
  let at = start
  while (at < bytes.length) {
    const byte = bytes[at] as number
    if (byte > 0x20 || (byte !== 0x20 && byte !== 0x0a && byte !== 0x0d && byte !== 0x09)) break
    at++
  }
  return at
}

/** No place is so far: these cannot be taken for one. */
const WRONG_JSON = Number.MIN_SAFE_INTEGER
const WRONG_UTF8 = WRONG_JSON + 1

/** Behind the closing quote; where that lies beyond `stop`, how far it was read, as a negative number. */
function endOfString(bytes: Uint8Array, start: number, stop: number): number {
  let at = start
  for (;;) {
    while (at < stop) {
      const byte = bytes[at] as number
      if (byte === 0x22 || byte === 0x5c || byte < 0x20 || byte >= 0x80) break
      at++
    }
    if (at >= stop) return at >= bytes.length ? WRONG_JSON : -at
    const byte = bytes[at] as number
    if (byte === 0x22) return at + 1
    if (byte < 0x80) {
      if (byte !== 0x5c) return WRONG_JSON
      at = endOfEscape(bytes, at)
      if (at < 0) return WRONG_JSON
    } else {
      at = endOfCharacter(bytes, at)
      if (at < 0) return WRONG_UTF8
    }
  }
}

const isDigit = (byte: number | undefined) => byte !== undefined && byte >= 0x30 && byte <= 0x39

/** Whether the string between these bytes is written as this ASCII text, without an escape. */
function isWritten(bytes: Uint8Array, start: number, end: number, text: string): boolean {
  if (end - start !== text.length + 2) return false
  for (let n = 0; n < text.length; n++) {
    if (bytes[start + 1 + n] !== text.charCodeAt(n)) return false
  }
  return true
}

/** `null` or an empty text. */
const isNothing = (bytes: Uint8Array, start: number, end: number): boolean =>
  bytes[start] === 0x6e || (end - start === 2 && bytes[start] === 0x22)

const WORDS: ReadonlyMap<number, string> = new Map(
  ['true', 'false', 'null'].map((word) => [word.charCodeAt(0), word]),
)

/** Behind a number, true, false or null; negative where it is none of these. */
function endOfScalar(bytes: Uint8Array, start: number, first: number | undefined): number {
  const word = first === undefined || first < 0x41 ? undefined : WORDS.get(first)
  if (word === undefined) return endOfNumber(bytes, start)
  for (let n = 1; n < word.length; n++) {
    if (bytes[start + n] !== word.charCodeAt(n)) return -1
  }
  return start + word.length
}

function endOfNumber(bytes: Uint8Array, start: number): number {
  let at = bytes[start] === 0x2d ? start + 1 : start
  if (bytes[at] === 0x30) at++
  else {
    at = endOfDigits(bytes, at)
    if (at < 0) return -1
  }
  if (bytes[at] === 0x2e) {
    at = endOfDigits(bytes, at + 1)
    if (at < 0) return -1
  }
  if (bytes[at] === 0x65 || bytes[at] === 0x45) {
    at++
    if (bytes[at] === 0x2b || bytes[at] === 0x2d) at++
    at = endOfDigits(bytes, at)
  }
  return at
}

/** At least one. */
function endOfDigits(bytes: Uint8Array, start: number): number {
  let at = start
  while (isDigit(bytes[at])) at++
  return at === start ? -1 : at
}

const ESCAPED = new Set([...'"\\/bfnrt'].map((letter) => letter.charCodeAt(0)))

const isHexDigit = (byte: number | undefined) => {
  if (byte === undefined) return false
  const lower = byte | 0x20
  return isDigit(byte) || (lower >= 0x61 && lower <= 0x66)
}

function endOfEscape(bytes: Uint8Array, start: number): number {
  const letter = bytes[start + 1]
  if (letter === undefined) return -1
  if (letter !== 0x75) return ESCAPED.has(letter) ? start + 2 : -1
  for (let n = 2; n < 6; n++) if (!isHexDigit(bytes[start + n])) return -1
  return start + 6
}

/** Of a character of two to four bytes, in the one form that it has (Unicode 16, table 3-7). */
function endOfCharacter(bytes: Uint8Array, start: number): number {
  const first = bytes[start] as number
  const length = first < 0xe0 ? 2 : first < 0xf0 ? 3 : 4
  if (first < 0xc2 || first > 0xf4) return -1
  const second = bytes[start + 1] as number
  // No longer form than needed, no surrogate, nothing beyond U+10FFFF.
  const least = first === 0xe0 ? 0xa0 : first === 0xf0 ? 0x90 : 0x80
  const most = first === 0xed ? 0x9f : first === 0xf4 ? 0x8f : 0xbf
  if (!(second >= least && second <= most)) return -1
  for (let n = 2; n < length; n++) {
    const byte = bytes[start + n] as number
    if (!(byte >= 0x80 && byte <= 0xbf)) return -1
  }
  return start + length
}
