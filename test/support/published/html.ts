const TOKEN = /<!--[\s\S]*?-->|<!doctype[^>]*>|<\/?[a-z][^>]*>|[^<]+/gi
const VOID = /^<(?:meta|link|input|br|hr|img|source|wbr)\b|\/>$|^<!/i
/** Elements whose white space is shown. */
const PRESERVED = /^<(?:pre|textarea)\b/i

/** One line for each element, indented by its depth. End tags are left out: the depth says the same. */
export function formatHtml(html: string): string[] {
  const lines: string[] = []
  const open: string[] = []
  // Text that directly follows a start tag is put on its line.
  let followsStart = false
  for (const [token] of html.matchAll(TOKEN)) {
    const indent = ' '.repeat(open.length)
    if (token.startsWith('</')) {
      open.pop()
      followsStart = false
    } else if (token.startsWith('<')) {
      lines.push(indent + token.replace(/\s+/g, ' '))
      followsStart = !VOID.test(token)
      if (followsStart) open.push(token)
    } else {
      const isPreserved = open.some((tag) => PRESERVED.test(tag))
      const text = isPreserved ? JSON.stringify(token).slice(1, -1) : token.replace(/\s+/g, ' ')
      if (text.trim() === '') continue
      lines.push(followsStart ? `${lines.pop()}${text.trim()}` : indent + text.trim())
      followsStart = false
    }
  }
  return lines
}

/** Attributes that differ in each run, or repeat a line above. */
const CHANGING: readonly (readonly [RegExp, string])[] = [
  [/(name="(?:form-token|pending)" value=)"[^"]*"/g, '$1"TOKEN"'],
  [/ data-copy="[^"]*"/g, ' data-copy'],
  [/ href="data:[^"]*"/g, ' href="data:"'],
  [/(\/console\/[a-z]+-)\w+(\.(?:css|js))"/g, '$1HASH$2"'],
  [/127\.0\.0\.1:\d+/g, '127.0.0.1:PORT'],
  [/(<svg) xmlns[^>]*?( aria-hidden="true")?>/g, '$1$2>'],
  [/\b(?:lk|lkp|rvk|rvt|lat)_[\w-]{20,}/g, 'SECRET'],
  [/<time [^>]*>within a minute/g, '<time>within a minute'],
  [/ d="[^"]{1000,}"/g, ' d="QR"'],
  [/(&quot;ID&quot;: )\d{9,}/g, '$1NUMBER'],
  [/\b(?=\d*[A-Z])(?:[0-9A-Z]{16}|[0-9A-Z]{32})\b/g, 'CODE'],
]

const UUID = /[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}/g

/** Replaces what is different in each run. Ids are numbered in the order of the page. */
export function normalize(html: string): string {
  const ids = new Map<string, string>()
  const nameId = (id: string) => {
    const name = ids.get(id) ?? `ID-${ids.size + 1}`
    ids.set(id, name)
    return name
  }
  return CHANGING.reduce((text, [from, to]) => text.replace(from, to), html).replace(UUID, nameId)
}

export interface Parts {
  /** The title, which entry of the menu is the current one, and everything from `<main>` on. */
  readonly page: string
  /** The rest, the same on every page of a role; null where the page has no menu. */
  readonly frame: string | null
}

/** Takes what every page of a role has apart from the page itself. */
export function splitFrame(html: string): Parts {
  const lines = formatHtml(normalize(html))
  const main = lines.findIndex((line) => line.trim().startsWith('<main'))
  const head = lines.slice(0, main)
  if (!head.some((line) => line.includes('<nav'))) return { page: toText(lines), frame: null }
  const isOwn = (line: string) => line.includes('<title>') || line.includes(' aria-current=')
  const frame = head
    .filter((line) => !line.includes('<title>'))
    .map((line) => line.replace(/ aria-current="\w+"/, ''))
    .map((line) => line.replace(/(name="next" value=)"[^"]*"/, '$1"PAGE"'))
  const own = head.filter(isOwn).map((line) => line.trim())
  const depth = lines[main]?.search(/\S/) ?? 0
  const body = lines.slice(main).map((line) => line.replace(new RegExp(`^ {0,${depth}}`), ''))
  return { page: toText([...own, ...body]), frame: toText(frame) }
}

const toText = (lines: readonly string[]): string => `${lines.join('\n')}\n`
