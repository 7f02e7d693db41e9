import { failUnreadable, type InputFailure, ok, type Result } from '../../domain/failure.ts'
import { SLICE_BYTES, yieldToOtherWork } from '../../service/long-work.ts'
import type { MaybePromise } from '../../service/ports/runtime.ts'
import { Selection } from './selection.ts'
import { type FoundValue, type JsonSelector, selectMember } from './selector.ts'
import {
  DIGIT_KINDS,
  INVALID_JSON,
  INVALID_UTF8,
  NO_DIGITS,
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
): MaybePromise<Result<FoundValue, JsonFault>> {
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

/** The token that a walk reads next. The order serves comparisons: names first, values last. */
const NAME = 0
/** A name or the end of an object. */
const FIRST_NAME = 1
const COLON = 2
/** A comma or the end of the value around this one. */
const ENDED = 3
/** The value of a member. */
const VALUE = 4
const ELEMENT = 5
/** An element or the end of an array. */
const FIRST_ELEMENT = 6

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
  /** True if the innermost open value is an object. */
  readonly isObject: boolean
  /** The same for the values around it. The walk changes the list. */
  readonly outerKinds: boolean[]
  /** True if the innermost open value is selected. */
  readonly isSelected: boolean
  readonly selection: Selection
}

const createWalkState = (bytes: Uint8Array, selector: JsonSelector): WalkState => ({
  next: ELEMENT,
  at: skipByteOrderMark(bytes),
  partAt: 0,
  digits: NO_DIGITS,
  values: 0,
  names: 0,
  isObject: false,
  outerKinds: [],
  isSelected: true,
  selection: new Selection(selector),
})

/** Stands for the byte after the last one. JSON allows it nowhere. */
const NO_BYTE = 0

/**
 * Walks the bytes once, by RFC 8259 and the UTF-8 of the WHATWG Encoding Standard. It allocates nothing
 * for values that are not selected. At `until` it stops in blanks, a string or a number, and returns its
 * state. It is one function over few local variables, because fields or a generator take two to four times
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
  const { outerKinds, selection } = from
  let { next, at, partAt, digits, values, names, isObject, isSelected } = from
  let stop = Math.min(sliceEnd, selection.limit)

  for (;;) {
    let byte = at < stop ? (bytes[at] as number) : NO_BYTE
    if (byte <= 0x20) {
      at = skipBlanks(bytes, at, stop)
      if (at >= stop && at < length) break
      byte = at < length ? (bytes[at] as number) : NO_BYTE
      if (byte === NO_BYTE) {
        const isWhole = at === length && next === ENDED && outerKinds.length === 0
        return isWhole && selection.root !== null ? ok(selection.root) : failUnreadable(NOT_JSON)
      }
    }
    if (isSelected && next >= ELEMENT) selection.startElement(at)

    let end: number
    switch (byte) {
      case 0x22: // "
        if (next === COLON || next === ENDED) return failUnreadable(NOT_JSON)
        end = skipString(bytes, partAt || at + 1, stop)
        break

      case 0x3a: // :
        if (next !== COLON) return failUnreadable(NOT_JSON)
        at++
        next = VALUE
        continue

      case 0x2c: // ,
        if (next !== ENDED || outerKinds.length === 0) return failUnreadable(NOT_JSON)
        at++
        next = isObject ? NAME : ELEMENT
        continue

      case 0x7b: // {
      case 0x5b: // [
        if (next < VALUE) return failUnreadable(NOT_JSON)
        if (++values > maxValues) return failUnreadable(describeTooManyValues(maxValues))
        if (outerKinds.length >= maxDepth) return failUnreadable(describeTooDeep(maxDepth))
        outerKinds.push(isObject)
        isObject = byte === 0x7b
        next = isObject ? FIRST_NAME : FIRST_ELEMENT
        isSelected &&= selection.isNextSelected
        if (isSelected) {
          selection.openValue(at, isObject ? 'object' : 'array', names)
          stop = Math.min(sliceEnd, selection.limit)
        }
        at++
        continue

      case 0x7d: // }
      case 0x5d: // ]
        if (next !== ENDED && next !== (isObject ? FIRST_NAME : FIRST_ELEMENT)) {
          return failUnreadable(NOT_JSON)
        }
        if (outerKinds.length === 0 || isObject !== (byte === 0x7d)) return failUnreadable(NOT_JSON)
        at++
        if (isSelected) {
          selection.closeValue(at, next !== ENDED, names)
          stop = Math.min(sliceEnd, selection.limit)
        }
        isObject = outerKinds.pop() as boolean
        isSelected = outerKinds.length === selection.depth
        next = ENDED
        continue

      default:
        if (next < VALUE) return failUnreadable(NOT_JSON)
        end = skipScalar(bytes, at, byte, stop, partAt, digits)
    }
    if (end < 0) {
      if (end === INVALID_JSON) return failUnreadable(NOT_JSON)
      if (end === INVALID_UTF8) return failUnreadable(NOT_UTF8)
      partAt = Math.floor(-end / DIGIT_KINDS)
      digits = -end % DIGIT_KINDS
      break
    }
    partAt = 0
    digits = NO_DIGITS
    // Most names are followed by a colon at once, and most values by a comma: that saves a turn of the loop.
    if (next < COLON) {
      names++
      const fault = isSelected ? selection.startMember(bytes, at, end) : null
      if (fault !== null) return fault
      next = COLON
      if (end < stop && bytes[end] === 0x3a) {
        end++
        next = VALUE
      }
    } else {
      if (++values > maxValues) return failUnreadable(describeTooManyValues(maxValues))
      if (isSelected && selection.isNextSelected) {
        const fault = selection.addScalar(bytes, at, end)
        if (fault !== null) return fault
      }
      next = ENDED
      if (end < stop && bytes[end] === 0x2c && outerKinds.length > 0) {
        end++
        next = isObject ? NAME : ELEMENT
      }
    }
    at = end
  }
  if ((partAt || at) >= selection.limit) return selection.failTooLong()
  return { next, at, partAt, digits, values, names, isObject, outerKinds, isSelected, selection }
}

const NOT_JSON = 'the body is not valid JSON'
const NOT_UTF8 = 'the body is not valid UTF-8'
const describeTooManyValues = (maxValues: number) =>
  `the body has more than ${maxValues.toLocaleString('en')} values`
const describeTooDeep = (maxDepth: number) => `the body is nested deeper than ${maxDepth} levels`
