/** A member of an object: its name, and all of it as it is written. */
export interface Member {
  readonly name: string
  readonly text: string
}

/**
 * The members of a JSON object as they are written, so that what is only passed on keeps every digit:
 * JSON.parse rounds integers above 2^53. The text must be an object that a parser has accepted.
 */
export function membersOf(text: string): Member[] {
  const members: Member[] = []
  let depth = 0
  let start = 0
  for (let at = 0; at < text.length; at++) {
    const character = text[at]
    if (character === '"') at = endOfString(text, at)
    else if (character === '{' || character === '[') {
      if (depth++ === 0) start = at + 1
    } else if (character === ',' && depth === 1) {
      members.push(memberOf(text.slice(start, at)))
      start = at + 1
    } else if (character === '}' || character === ']') {
      if (--depth > 0) continue
      const last = text.slice(start, at).trim()
      if (last !== '') members.push(memberOf(last))
    }
  }
  return members
}

/** An object of these members. */
export const objectOf = (members: readonly string[]): string => `{${members.join(',')}}`

export const writeMember = (name: string, value: unknown): string =>
  `${JSON.stringify(name)}:${JSON.stringify(value)}`

function memberOf(written: string): Member {
  const text = written.trim()
  return { name: JSON.parse(text.slice(0, endOfString(text, 0) + 1)), text }
}

/** Where the string that begins here has its closing quote: one before which no odd number of \ stands. */
function endOfString(text: string, start: number): number {
  let end = text.indexOf('"', start + 1)
  while (isEscaped(text, end)) end = text.indexOf('"', end + 1)
  return end
}

function isEscaped(text: string, at: number): boolean {
  let slashes = 0
  while (text[at - 1 - slashes] === '\\') slashes++
  return slashes % 2 === 1
}
