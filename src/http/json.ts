import { fail, ok, type Result, type Unreadable } from '../domain/failure.ts'

/** Deeper values break the parsers of those who are sent them. */
const MAX_DEPTH = 500

/**
 * Strict JSON: what RFC 8259 §4 leaves to chance is refused. Of two members with one name a parser
 * keeps the first, another the last, and then two services judge two different messages.
 */
export function parseJson(text: string): Result<unknown, Unreadable> {
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch {
    return unreadable('the body is not valid JSON')
  }
  const members = countMembers(value)
  if (members === null) return unreadable(`the body is nested deeper than ${MAX_DEPTH} levels`)
  // Every member's name ends in a quote and a colon. Where there are no more of these than members,
  // no member was dropped; more may also be a string that begins with a colon, so look closely.
  if (countNames(text) > members) {
    const twice = findDuplicate(text)
    if (twice !== null) return fail({ reason: 'member_repeated', member: twice })
  }
  return ok(value)
}

/** How many members all objects have together; null where the nesting is too deep. */
function countMembers(root: unknown): number | null {
  let members = 0
  let level: object[] = isObject(root) ? [root] : []
  for (let depth = 1; level.length > 0; depth++) {
    if (depth > MAX_DEPTH) return null
    const next: object[] = []
    for (const parent of level) {
      if (Array.isArray(parent)) {
        for (const value of parent) if (isObject(value)) next.push(value)
        continue
      }
      // for-in makes no list of names: what JSON.parse made inherits none. Five times as fast.
      for (const name in parent) {
        members++
        const value: unknown = parent[name as keyof typeof parent]
        if (isObject(value)) next.push(value)
      }
    }
    level = next
  }
  return members
}

const isObject = (value: unknown): value is object => typeof value === 'object' && value !== null

function countNames(text: string): number {
  let names = 0
  for (let at = text.indexOf(':'); at !== -1; at = text.indexOf(':', at + 1)) {
    let before = at - 1
    while (text.charCodeAt(before) <= 0x20) before--
    if (text[before] === '"') names++
  }
  return names
}

/** The first name that an object has twice, as it is written; the text is valid JSON. */
function findDuplicate(text: string): string | null {
  const open: (Set<string> | null)[] = []
  const tokens = /"(?:[^"\\]|\\.)*"|[{}[\]]/gs
  const isName = /\s*:/y
  for (let token = tokens.exec(text); token !== null; token = tokens.exec(text)) {
    const [word] = token
    if (word === '{') open.push(new Set())
    else if (word === '[') open.push(null)
    else if (word === '}' || word === ']') open.pop()
    else {
      isName.lastIndex = tokens.lastIndex
      const names = open.at(-1)
      if (!names || !isName.test(text)) continue
      const name: string = JSON.parse(word)
      if (names.has(name)) return name.length > 64 ? 'a long name' : word
      names.add(name)
    }
  }
  return null
}

const unreadable = (detail: string) => fail({ reason: 'body_unreadable', detail } as const)
