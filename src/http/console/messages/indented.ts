const TOKENS = /"(?:[^"\\]|\\.)*"|[{}[\],:]|[^\s{}[\],:"]+/g

/** What is longer than this, or becomes so by its nesting, is shown as it is. */
const MOST = 24_000

/**
 * JSON as people read it; any other text as it is. Token by token: to parse it and print it again would
 * round long numbers, and lose one of two members of one name.
 */
export function indented(text: string): string {
  if (text.length > MOST || !isJson(text)) return text
  let depth = 0
  let shown = ''
  let before = ''
  const line = () => `\n${'  '.repeat(depth)}`
  for (const [token] of text.matchAll(TOKENS)) {
    const isEnd = token === '}' || token === ']'
    if (isEnd) depth--
    if (isEnd ? !isStart(before) : isStart(before) || before === ',') shown += line()
    shown += token === ':' ? ': ' : token
    if (isStart(token)) depth++
    before = token
    if (shown.length > MOST) return text
  }
  return shown
}

const isStart = (token: string): boolean => token === '{' || token === '['

function isJson(text: string): boolean {
  try {
    JSON.parse(text)
    return true
  } catch {
    return false
  }
}
