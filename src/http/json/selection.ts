import { fail, failUnreadable, type Result } from '../../domain/failure.ts'
import type { JsonFault } from './scan.ts'
import {
  type FoundValue,
  findMember,
  type JsonSelector,
  NO_MAX_BYTES,
  selectArray,
} from './selector.ts'
import { hasEscape, isNothing, isTextAt, readName, readSpan } from './tokens.ts'

type Part = { -readonly [Name in keyof FoundValue]: FoundValue[Name] }

/** A selected object or array that has not ended. */
type OpenValue = Part & {
  readonly selector: JsonSelector
  /** The selected value around it: an unselected one has no selected parts. */
  readonly outer: OpenValue | null
  lastPart: Part | null
}

/** The values that a walk has found for a selector. The walk tells it of the parts of selected values only. */
export class Selection {
  /** The innermost selected value that is open. The outermost is an array whose one element is the root. */
  #open: OpenValue
  /** The number of selected values that are open. */
  #depth = 0
  /** The open value with a limited length. */
  #bounded: OpenValue | null = null
  /** The selector of the next value; null if it is not selected. */
  #selector: JsonSelector | null = null
  #name = ''
  #nameStart = 0

  constructor(selector: JsonSelector) {
    this.#open = createOpenValue(selectArray('', selector), null, '', 0, 0, 'array', 0)
  }

  get root(): FoundValue | null {
    return this.#open.firstPart
  }

  get depth(): number {
    return this.#depth
  }

  /** True if the next value is selected. */
  get isNextSelected(): boolean {
    return this.#selector !== null
  }

  /** The offset that the open value with a limited length must end by. */
  get limit(): number {
    return this.#bounded === null
      ? NO_MAX_BYTES
      : this.#bounded.start + this.#bounded.selector.maxBytes
  }

  /** Fails for a value that goes beyond the limit. */
  failTooLong(): Result<never, JsonFault> {
    if (this.#bounded === null) throw new Error('no open value has a limit')
    return failTooLong(this.#bounded.selector)
  }

  /** Takes note that the next value is an element of the open array, and begins at `start`. */
  startElement(start: number): void {
    this.#selector = this.#open.selector.elements
    this.#name = ''
    this.#nameStart = start
  }

  /** Takes note that the next value is a member of the open object, with the name at these bytes. */
  startMember(bytes: Uint8Array, start: number, end: number): Result<never, JsonFault> | null {
    const selector = findSelector(this.#open.selector, bytes, start, end)
    this.#selector = selector
    if (selector === null) return null
    this.#nameStart = start
    this.#name = selector.name
    if (this.#name === '') this.#name = JSON.parse(readSpan(bytes, { start, end }))
    else if (findMember(this.#open, this.#name) !== undefined) {
      return fail({ reason: 'member_repeated', member: readName(bytes, { start, end }) })
    }
    return null
  }

  /** Opens the next value, an object or array. `names`: the number of names before it. */
  openValue(start: number, kind: 'object' | 'array', names: number): void {
    const selector = this.#selector
    if (selector === null) throw new Error('the value is not selected')
    const found = createOpenValue(
      selector,
      this.#open,
      this.#name,
      this.#nameStart,
      start,
      kind,
      names,
    )
    addPart(this.#open, found)
    this.#open = found
    this.#depth++
    if (selector.maxBytes < NO_MAX_BYTES) this.#bounded ??= found
  }

  /** Closes the open object or array. `names`: the number of names up to its end. */
  closeValue(end: number, isEmpty: boolean, names: number): void {
    const open = this.#open
    open.end = end
    open.isEmpty = isEmpty
    open.names = names - open.names
    if (open === this.#bounded) this.#bounded = null
    if (open.outer === null) throw new Error('no selected value is open')
    this.#open = open.outer
    this.#depth--
  }

  /** Adds the next value, which is neither object nor array. */
  addScalar(bytes: Uint8Array, start: number, end: number): Result<never, JsonFault> | null {
    const selector = this.#selector
    if (selector !== null && end - start > selector.maxBytes) return failTooLong(selector)
    addPart(this.#open, {
      name: this.#name,
      nameStart: this.#nameStart,
      start,
      end,
      kind: isNothing(bytes, start, end) ? 'nothing' : 'other',
      isEmpty: true,
      names: 0,
      firstPart: null,
      nextPart: null,
    })
    return null
  }
}

const failTooLong = ({ name, maxBytes }: Pick<JsonSelector, 'name' | 'maxBytes'>) =>
  failUnreadable(`${name} is longer than ${maxBytes} bytes`)

const createOpenValue = (
  selector: JsonSelector,
  outer: OpenValue | null,
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
  firstPart: null,
  nextPart: null,
  selector,
  outer,
  lastPart: null,
})

function addPart(outer: OpenValue, part: Part): void {
  if (outer.lastPart === null) outer.firstPart = part
  else outer.lastPart.nextPart = part
  outer.lastPart = part
}

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
