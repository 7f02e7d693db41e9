/** One way to a server: in process, over a socket, in another runtime. */
export interface TranscriptTransport {
  /** True for headers as they are on the wire; false for only those that the app sets. */
  readonly headerSource: 'the wire' | 'the app'
  send(request: TranscriptExchange['request']): Promise<TranscriptResponse>
}

/** Only the wire has a reason phrase. */
export type TranscriptResponse = Omit<TranscriptExchange['response'], 'reason'> & {
  readonly reason?: string
}

/** Headers that an HTTP/1.1 server adds by itself. */
const SERVER_HEADERS = new Set(['date', 'connection', 'keep-alive', 'content-length'])

/** Replays a transcript. Null, or the first answer that is not as expected. */
export async function replayTranscript(
  exchanges: readonly TranscriptExchange[],
  transport: TranscriptTransport,
  variables: TranscriptVariables,
): Promise<null | { title: string; expected: string; received: string }> {
  for (const { title, request, response } of exchanges) {
    const received = await transport.send({
      method: request.method,
      target: fillTemplate(request.target, variables),
      headers: request.headers.map(([name, value]) => [name, fillTemplate(value, variables)]),
      body: fillTemplate(request.body, variables),
    })
    const expected = formatResponse(response, transport.headerSource)
    const found = formatResponse(received, transport.headerSource)
    if (!matchTemplate(expected, found, variables)) return { title, expected, received: found }
  }
  return null
}

/** An answer as one text: status, headers, body. */
function formatResponse(
  { status, reason, headers, body }: TranscriptResponse,
  shows: TranscriptTransport['headerSource'],
): string {
  const lines =
    shows === 'the wire'
      ? [`${status} ${reason}`, ...headers.map(formatHeader)]
      : [`${status}`, ...headers.filter(isSetByApp).map(toLowerCaseHeader).map(formatHeader).sort()]
  return [...lines, '', body].join('\n')
}

const isSetByApp = ([name]: HeaderLine) => !SERVER_HEADERS.has(name.toLowerCase())
const toLowerCaseHeader = ([name, value]: HeaderLine): HeaderLine => [name.toLowerCase(), value]
const formatHeader = ([name, value]: HeaderLine) => `${name}: ${value}`

export type HeaderLine = readonly [name: string, value: string]

export interface TranscriptExchange {
  readonly title: string
  readonly request: {
    readonly method: string
    readonly target: string
    readonly headers: readonly HeaderLine[]
    readonly body: string
  }
  readonly response: {
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
export function parseTranscript(text: string): TranscriptExchange[] {
  const [, ...sections] = text.split(/^### /m)
  return sections.map(parseExchange)
}

function parseExchange(section: string): TranscriptExchange {
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
    response: { status: Number(status), reason, headers: answer.headers, body: answer.body },
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

/** Variables of a transcript, seeded before it or taken from a response. */
export type TranscriptVariables = Map<string, string>

const WILDCARDS: Readonly<Record<string, string>> = {
  uuid: '[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}',
  number: '[0-9]+',
  instant: '[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}\\.[0-9]{3}Z',
  date: '[A-Z][a-z]{2}, [0-9]{2} [A-Z][a-z]{2} [0-9]{4} [0-9]{2}:[0-9]{2}:[0-9]{2} GMT',
  day: '[0-9]{4}-[0-9]{2}-[0-9]{2}',
  time: '[0-9]{4}-[0-9]{2}-[0-9]{2} [0-9]{2}:[0-9]{2}:[0-9]{2}',
  code: '[A-Z0-9]{16}',
  accessToken: 'at_[\\w-]{90}',
  jwt: '[\\w-]+\\.[\\w-]+\\.[\\w-]+',
  refreshToken: 'rt_[\\w-]{84}',
  address: '[0-9a-f.:]+',
  // These are in the answers of the upstreams behind the surfaces.
  patientId: '[0-9a-f]{8}-[0-9]',
  stamp: '[0-9]{14}\\+0000',
  controlId: '[0-9a-f]{20}',
}

/** `{{name}}`, `{{*wildcard}}`, `{{name=*wildcard}}`: a value, any value of a kind, one to keep. */
const PLACEHOLDER = /\{\{(?:(\w+)|(?:(\w+)=)?\*(\w+))\}\}/g

/** The template with its values in place. */
export function fillTemplate(template: string, variables: TranscriptVariables): string {
  return template.replace(PLACEHOLDER, (placeholder, name: string | undefined) => {
    const value = name === undefined ? undefined : variables.get(name)
    if (value === undefined) throw new Error(`nothing is known of ${placeholder}`)
    return value
  })
}

/** Returns whether the whole text matches the template; adds the kept values to the variables. */
export function matchTemplate(
  template: string,
  text: string,
  variables: TranscriptVariables,
): boolean {
  const captureNames: (string | undefined)[] = []
  let pattern = ''
  let at = 0
  for (const found of template.matchAll(PLACEHOLDER)) {
    const [placeholder, name, captureName, wildcard = ''] = found
    pattern += escapeRegExp(template.slice(at, found.index))
    at = found.index + placeholder.length
    if (name === undefined) {
      const wildcardPattern = WILDCARDS[wildcard]
      if (wildcardPattern === undefined) throw new Error(`there is no wildcard ${placeholder}`)
      pattern += `(${wildcardPattern})`
      captureNames.push(captureName)
    } else pattern += escapeRegExp(fillTemplate(placeholder, variables))
  }
  const match = new RegExp(`^${pattern}${escapeRegExp(template.slice(at))}$`).exec(text)
  if (match === null) return false
  for (const [n, name] of captureNames.entries()) {
    if (name !== undefined) variables.set(name, match[n + 1] ?? '')
  }
  return true
}

const escapeRegExp = (text: string) => text.replace(/[\\^$.*+?()[\]{}|/-]/g, '\\$&')
