export type HeaderLine = readonly [name: string, value: string]

export interface Exchange {
  readonly title: string
  readonly request: {
    readonly method: string
    readonly target: string
    readonly headers: readonly HeaderLine[]
    readonly body: string
  }
  readonly answer: {
    readonly status: number
    readonly reason: string
    readonly headers: readonly HeaderLine[]
    readonly body: string
  }
}

/**
 * A transcript: `### title`, a request, and the answer that is expected, which begins with its
 * status line; then the next. What stands before the first `###` is for people.
 */
export function parseTranscript(text: string): Exchange[] {
  const [, ...sections] = text.split(/^### /m)
  return sections.map(parseExchange)
}

function parseExchange(section: string): Exchange {
  const [title = '', ...lines] = section.split('\n')
  const split = lines.findIndex((line) => line.startsWith('HTTP/1.1 '))
  if (split === -1) throw new Error(`${title}: no answer is expected`)
  const request = parseMessage(lines.slice(0, split))
  const answer = parseMessage(lines.slice(split))
  const [, method, target] = /^([A-Z]+) (\S+) HTTP\/1\.1$/.exec(request.first) ?? []
  const [, status, reason] = /^HTTP\/1\.1 (\d{3}) (.+)$/.exec(answer.first) ?? []
  if (method === undefined || target === undefined) throw new Error(`${title}: no request line`)
  if (status === undefined || reason === undefined) throw new Error(`${title}: no status line`)
  return {
    title,
    request: { method, target, headers: request.headers, body: request.body },
    answer: { status: Number(status), reason, headers: answer.headers, body: answer.body },
  }
}

/** Blank lines around a message are for people too. */
function parseMessage(lines: readonly string[]) {
  const [head = '', ...paragraphs] = lines.join('\n').trim().split('\n\n')
  const [first = '', ...headers] = head.split('\n')
  return { first, headers: headers.map(parseHeader), body: paragraphs.join('\n\n') }
}

function parseHeader(line: string): HeaderLine {
  const colon = line.indexOf(': ')
  if (colon === -1) throw new Error(`${line} is not a header`)
  return [line.slice(0, colon), line.slice(colon + 2)]
}
