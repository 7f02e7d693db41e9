import { fail, failUnreadable, type InputFailure, ok, type Result } from '../../domain/failure.ts'
import { SLICE_BYTES, yieldToOtherWork } from '../../service/messages/payload.ts'
import type { Maybe } from '../../service/ports/runtime.ts'
import {
  type FoundValue,
  findMember,
  type JsonSelector,
  NO_MAX_BYTES,
  selectMember,
} from './selector.ts'
import {
  DIGIT_KINDS,
  hasEscape,
  INVALID_JSON,
  INVALID_UTF8,
  isNothing,
  isTextAt,
  NO_DIGITS,
  readName,
  readSpan,
  skipBlanks,
  skipByteOrderMark,
  skipScalar,
  skipString,
} from './tokens.ts'

interface JsonBounds {
  /** The most levels of nested arrays and objects. */
  readonly depth: number
  /** The most values: each object, array, string, number and literal is one. */
  readonly values: number
}

/** Reasons for which JSON is refused. */
export type JsonFault = Extract<InputFailure, { reason: 'body_unreadable' | 'member_repeated' }>

/** For input from callers: a walk within these bounds takes a few milliseconds. */
const JSON_BOUNDS: JsonBounds = { depth: 64, values: 200_000 }
/** For input that was accepted before, possibly by an older version. */
export const NO_BOUNDS: JsonBounds = { depth: 2 ** 30, values: 2 ** 30 }

/** Checks that the bytes are valid JSON within the bounds, and finds the selected values. */
export function scanJson(
  bytes: Uint8Array,
  selector = selectMember(''),
  bounds = JSON_BOUNDS,
): Result<FoundValue, JsonFault> {
  const end = walkJson(bytes, bounds, bytes.length, createWalkState(bytes, selector))
  if ('ok' in end) return end
  throw new Error('the walk stopped before the end of the input')
}

/** `scanJson` for input of any length: yields to other work between slices, if there are several. */
export function scanLongJson(
  bytes: Uint8Array,
  selector = selectMember(''),
  bounds = JSON_BOUNDS,
): Maybe<Result<FoundValue, JsonFault>> {
  const end = walkJson(bytes, bounds, SLICE_BYTES, createWalkState(bytes, selector))
  return 'ok' in end ? end : continueScan(bytes, bounds, end)
}

async function continueScan(bytes: Uint8Array, bounds: JsonBounds, from: WalkState) {
  let end: ReturnType<typeof walkJson> = from
  while (!('ok' in end)) {
    await yieldToOtherWork()
    end = walkJson(bytes, bounds, (end.partAt || end.at) + SLICE_BYTES, end)
  }
  return end
}

type OpenValue = { -readonly [Name in keyof FoundValue]: FoundValue[Name] } & {
  members: FoundValue[]
  elements: FoundValue[]
}

/** The token that a walk reads next. */
const NAME = 0
const COLON = 1
const VALUE = 2
/** The first byte in an object or array that is not blank. */
const OPENED = 3
/** The first token after a value. */
const ENDED = 4

/** The state of a walk that stopped in blanks, a string or a number. */
interface WalkState {
  readonly next: number
  readonly at: number
  /** The offset up to which the string or number at `at` was read; 0 if it was not. */
  readonly partAt: number
  /** The digits of the number at `at` that the walk stopped in. */
  readonly digits: number
  readonly values: number
  readonly names: number
  /** The innermost open value: its kind, its selector, and the values found in it. */
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
  /** The open value with a limited length, the limit, and the offset that it must end by. */
  readonly bounded: OpenValue | undefined
  readonly maxBytes: number
  readonly mustEndBy: number
  /** The selector of the next value. */
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

const UNSELECTED_OBJECT = { isObject: true, parent: null, openValue: undefined }
const UNSELECTED_ARRAY = { isObject: false, parent: null, openValue: undefined }

/**
 * Walks the bytes once, by RFC 8259 and the UTF-8 of the WHATWG Encoding Standard. It allocates nothing
 * for values that are not selected. At `until` it stops in blanks, a string or a number, and returns its
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
      if ((bytes[at] as number) <= 0x20) at = skipBlanks(bytes, at, stop)
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
      if ((bytes[at] as number) <= 0x20) at = skipBlanks(bytes, at, stop)
      if (at >= stop && at < length) break
      if (bytes[at] !== 0x3a) return failUnreadable(NOT_JSON)
      at++
      next = VALUE
    }

    if (next === VALUE) {
      if ((bytes[at] as number) <= 0x20) at = skipBlanks(bytes, at, stop)
      if (at >= stop && at < length) break
      const first = bytes[at]
      if (first === 0x7b || first === 0x5b) {
        if (++values > maxValues) return failUnreadable(describeTooManyValues(maxValues))
        if (outer.length >= maxDepth) return failUnreadable(describeTooDeep(maxDepth))
        outer.push(
          parent === null
            ? isObject
              ? UNSELECTED_OBJECT
              : UNSELECTED_ARRAY
            : { isObject, parent, openValue },
        )
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
            return failUnreadable(describeTooLong(selector.name, selector.maxBytes))
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
      if ((bytes[at] as number) <= 0x20) at = skipBlanks(bytes, at, stop)
      if (at >= stop && at < length) break
      const isEmpty = bytes[at] === (isObject ? 0x7d : 0x5d)
      if (openValue !== undefined) openValue.isEmpty = isEmpty
      next = isEmpty ? ENDED : isObject ? NAME : VALUE
    }

    // Closes the objects and arrays that end after the value.
    while (next === ENDED) {
      if ((bytes[at] as number) <= 0x20) at = skipBlanks(bytes, at, stop)
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
    return failUnreadable(describeTooLong(bounded.name, maxBytes))
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

/** Finds the selector of the member whose name is at these bytes. */
function findSelector(
  parent: JsonSelector,
  bytes: Uint8Array,
  start: number,
  end: number,
): JsonSelector | null {
  const { members, otherMembers } = parent
  for (const selector of members) if (isTextAt(bytes, start, end, selector.name)) return selector
  if (members.length === 0 || end - start > MAX_ESCAPED_NAME_BYTES) return otherMembers
  if (!hasEscape(bytes, start, end)) return otherMembers
  const name: string = JSON.parse(readSpan(bytes, { start, end }))
  return members.find((selector) => selector.name === name) ?? otherMembers
}

/** The longest selected name, fully escaped: six bytes for each of 64 characters, and two quotes. */
const MAX_ESCAPED_NAME_BYTES = 6 * 64 + 2

const NO_VALUES: readonly FoundValue[] = []
const NOT_JSON = 'the body is not valid JSON'
const NOT_UTF8 = 'the body is not valid UTF-8'
const describeTooManyValues = (maxValues: number) =>
  `the body has more than ${maxValues.toLocaleString('en')} values`
const describeTooDeep = (maxDepth: number) => `the body is nested deeper than ${maxDepth} levels`
const describeTooLong = (name: string, maxBytes: number) =>
  `${name} is longer than ${maxBytes} bytes`
