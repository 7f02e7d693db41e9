export interface Source {
  /** Relative to the tree, with slashes. */
  readonly path: string
  readonly text: string
  /** The text without comments. */
  readonly withStrings: string
  /** The text without comments and without the contents of strings. */
  readonly code: string
  /** Each line of each comment, without its marks. */
  readonly comments: readonly string[]
}

const PIECE =
  /\/\/[^\n]*|\/\*[\s\S]*?\*\/|'(?:[^'\\\n]|\\.)*'|"(?:[^"\\\n]|\\.)*"|\/(?:[^/\\\n[]|\\.|\[(?:[^\]\\\n]|\\.)*\])+\/\w*|[^/'"`{}]+|[\s\S]/gy
const TEMPLATE_TEXT = /(?:[^`\\$]|\\[\s\S]|\$(?!\{))*(?:`|\$\{|$)/gy
/** Matches code after which `/` begins a regular expression; a division cannot follow it. */
const BEFORE_REGEX = /(?:^|[=(,:[!&|?{};+\-*%~^<>]|\b(?:return|typeof|case|in|of|await))\s*$/

/** Splits TypeScript into code, strings and comments. */
export function parseSource(path: string, text: string): Source {
  const code: string[] = []
  const withStrings: string[] = []
  const comments: string[] = []
  // One entry for each template literal that is open: the braces open inside its `${`.
  const templates: number[] = []
  let at = 0
  const read = (pattern: RegExp): string => {
    pattern.lastIndex = at
    const piece = pattern.exec(text)?.[0] ?? ''
    at += piece.length
    return piece
  }
  const readTemplateText = (): void => {
    const piece = read(TEMPLATE_TEXT)
    const isOpen = piece.endsWith('${')
    if (isOpen) templates.push(0)
    code.push(isOpen ? '${' : '`')
    withStrings.push(piece)
  }
  while (at < text.length) {
    const start = at
    let piece = read(PIECE)
    const depth = templates.at(-1) ?? 0
    if (piece.startsWith('//') || piece.startsWith('/*')) {
      const lines = piece.replace(/\*\/$/, '').split('\n')
      comments.push(...lines.map((line) => line.replace(/^\s*(?:\/\/|\/?\*+)?\s*/, '').trim()))
      continue
    }
    if (piece.length > 1 && piece.startsWith('/')) {
      if (BEFORE_REGEX.test(code.slice(-3).join('').slice(-40))) {
        code.push('/./')
        withStrings.push(piece)
        continue
      }
      piece = '/'
      at = start + 1
    }
    withStrings.push(piece)
    code.push(/^['"]/.test(piece) ? "''" : piece)
    if (piece === '`') readTemplateText()
    else if (piece === '{' && templates.length > 0) templates[templates.length - 1] = depth + 1
    else if (piece === '}' && templates.length > 0) {
      if (depth > 0) templates[templates.length - 1] = depth - 1
      else {
        templates.pop()
        readTemplateText()
      }
    }
  }
  return { path, text, withStrings: withStrings.join(''), code: code.join(''), comments }
}

/** Counts lines as `wc -l` does. */
export const countLines = ({ text }: Source): number => text.split('\n').length - 1

const IMPORT =
  /\b(?:import|export)\s+(?:type\s)?\s*(?:[\w*$\s{},]*?\sfrom\s*)?(['"])(\.[^'"]+)\1|\bimport\s*\(\s*(['"])(\.[^'"]+)\3/g

/** The relative specifiers that a file imports or re-exports, statically or dynamically. */
export const findImports = ({ withStrings }: Source): string[] =>
  [...withStrings.matchAll(IMPORT)].map(([, , plain, , dynamic]) => plain ?? dynamic ?? '')

const EXPORT =
  /^export\s+(?:declare\s+)?(?:abstract\s+)?(?:async\s+)?(?:function\s*\*?|const|let|class|interface|type|enum)\s+([\w$]+)/gm

export const findExports = ({ code }: Source): Set<string> =>
  new Set([...code.matchAll(EXPORT)].map(([, name = '']) => name))

const FUNCTION = /\bfunction\s*\*?\s*([\w$]+)/g
const VALUE = /\b(?:const|let)\s+([\w$]+)(?::(?:[^=;\n]|=>)*)?\s=\s+(?:async\s+)?/g
const MEMBER = /^[ \t]+(?:(?:async|static|readonly|private|override|get|set)\s+)*\*?([\w$]+)\??/gm
const STATEMENTS = ['if', 'for', 'while', 'switch', 'catch', 'function', 'return', 'constructor']

/** Names of the functions and methods that a file declares: a heuristic for code that biome formats. */
export function findFunctions({ code }: Source): string[] {
  const rest = (match: RegExpExecArray) => code.slice(match.index + match[0].length)
  const values = [...code.matchAll(VALUE)].filter((match) => startsWithFunction(rest(match)))
  const members = [...code.matchAll(MEMBER)].filter((match) => {
    const after = rest(match)
    if (STATEMENTS.includes(match[1] ?? '')) return false
    const value = /^:\s*(?:async\s+)?/.exec(after)?.[0]
    if (value !== undefined) return startsWithFunction(after.slice(value.length))
    return /^\s*[:{]/.test(skipParameters(after) ?? '')
  })
  return [...code.matchAll(FUNCTION), ...values, ...members].map(([, name = '']) => name)
}

const startsWithFunction = (text: string): boolean =>
  /^(?:function\b|[\w$]+ =>)/.test(text) || /^\s*(?::[^=;]*?)?=>/.test(skipParameters(text) ?? '')

/** Returns the text after its leading parameter list; null where it begins with none. */
function skipParameters(text: string): string | null {
  const generics = /^<[^(]*>(?=\()/.exec(text)?.[0] ?? ''
  if (text[generics.length] !== '(') return null
  let depth = 0
  for (let at = generics.length; at < text.length; at++) {
    if (text[at] === '(') depth++
    else if (text[at] === ')' && --depth === 0) return text.slice(at + 1)
  }
  return null
}
