const JSON_TOKEN_PATTERN = /"(?:[^"\\]|\\.)*"|[{}[\],:]|[^\s{}[\],:"]+/g

/** Bounds the input and the output; longer text stays as it is. */
const MAX_INDENTED_CHARACTERS = 24_000

/**
 * Indents JSON; returns any other text unchanged. Works token by token, because parsing and printing
 * would round long numbers and lose duplicate members.
 */
export function indentJson(text: string): string {
  if (text.length > MAX_INDENTED_CHARACTERS || !isJson(text)) return text
  let depth = 0
  let output = ''
  let previous = ''
  const startLine = () => `\n${'  '.repeat(depth)}`
  for (const [token] of text.matchAll(JSON_TOKEN_PATTERN)) {
    const isClosing = token === '}' || token === ']'
    if (isClosing) depth--
    if (isClosing ? !isOpeningBracket(previous) : isOpeningBracket(previous) || previous === ',')
      output += startLine()
    output += token === ':' ? ': ' : token
    if (isOpeningBracket(token)) depth++
    previous = token
    if (output.length > MAX_INDENTED_CHARACTERS) return text
  }
  return output
}

const isOpeningBracket = (token: string): boolean => token === '{' || token === '['

function isJson(text: string): boolean {
  try {
    JSON.parse(text)
    return true
  } catch {
    return false
  }
}
