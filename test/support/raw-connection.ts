import { connect, type Socket } from 'node:net'

/** An answer as it stood on the wire. */
export interface RawResponse {
  readonly status: number
  readonly reason: string
  /** In their order, as they were spelled. */
  readonly headers: readonly (readonly [name: string, value: string])[]
  readonly body: string
}

/** A TCP connection on which a test says exactly what it wants to. */
export class RawConnection {
  readonly #socket: Socket
  #received = Buffer.alloc(0)
  #isClosed = false
  #wake: () => void = () => undefined

  private constructor(socket: Socket) {
    this.#socket = socket
    socket.on('data', (chunk) => {
      this.#received = Buffer.concat([this.#received, chunk])
      this.#wake()
    })
    socket.on('close', () => {
      this.#isClosed = true
      this.#wake()
    })
  }

  static open(url: string): Promise<RawConnection> {
    const { hostname, port } = new URL(url)
    return new Promise((resolve, reject) => {
      const socket = connect(Number(port), hostname)
      // A server may close while a test still writes: that it closed is what a test looks at.
      socket.on('error', reject)
      socket.once('connect', () => resolve(new RawConnection(socket)))
    })
  }

  get isClosed(): boolean {
    return this.#isClosed
  }

  write(data: string | Uint8Array): void {
    this.#socket.write(data)
  }

  /** The next answer; null where the connection ended without a whole one. */
  async readResponse({ toHead = false } = {}): Promise<RawResponse | null> {
    for (;;) {
      const read = parseResponse(this.#received, this.#isClosed, toHead)
      if (read !== null) {
        this.#received = this.#received.subarray(read.end)
        return read.response
      }
      if (this.#isClosed) return null
      await new Promise<void>((wake) => {
        this.#wake = wake
      })
    }
  }

  /** Hangs up at once. */
  destroy(): void {
    this.#socket.destroy()
  }
}

/** One request on a connection of its own. */
export async function sendRaw(
  url: string,
  request: string | Uint8Array,
  options: { toHead?: boolean } = {},
): Promise<RawResponse | null> {
  const connection = await RawConnection.open(url)
  try {
    connection.write(request)
    return await connection.readResponse(options)
  } finally {
    connection.destroy()
  }
}

type ParsedResponse = { response: RawResponse; end: number }

/** The first whole answer in these bytes (RFC 9112 §6.3), or null. */
function parseResponse(bytes: Buffer, isClosed: boolean, toHead: boolean): ParsedResponse | null {
  const headEnd = bytes.indexOf('\r\n\r\n')
  if (headEnd === -1) return null
  const start = headEnd + 4
  const [statusLine = '', ...lines] = bytes.toString('latin1', 0, headEnd).split('\r\n')
  const [, code = '', reason = ''] = /^HTTP\/1\.1 (\d{3}) (.*)$/.exec(statusLine) ?? []
  const status = Number(code)
  const headers = lines.map((line): readonly [string, string] => {
    const colon = line.indexOf(':')
    return [line.slice(0, colon), line.slice(colon + 1).trim()]
  })
  if (status >= 100 && status < 200) {
    const next = parseResponse(bytes.subarray(start), isClosed, toHead)
    return next && { response: next.response, end: start + next.end }
  }
  const getHeader = (name: string) => headers.find(([found]) => found.toLowerCase() === name)?.[1]
  const body = toHead
    ? { bytes: Buffer.alloc(0), end: start }
    : parseBody(bytes, start, isClosed, getHeader('content-length'), getHeader('transfer-encoding'))
  return body && { response: { status, reason, headers, body: `${body.bytes}` }, end: body.end }
}

function parseBody(
  bytes: Buffer,
  start: number,
  isClosed: boolean,
  length: string | undefined,
  encoding: string | undefined,
): { bytes: Buffer; end: number } | null {
  if (encoding === 'chunked') return parseChunks(bytes, start)
  if (length === undefined) return isClosed ? { bytes: bytes.subarray(start), end: -1 } : null
  const end = start + Number(length)
  return bytes.length < end ? null : { bytes: bytes.subarray(start, end), end }
}

function parseChunks(bytes: Buffer, start: number): { bytes: Buffer; end: number } | null {
  const chunks: Buffer[] = []
  for (let at = start; ; ) {
    const lineEnd = bytes.indexOf('\r\n', at)
    if (lineEnd === -1) return null
    const size = Number.parseInt(bytes.toString('latin1', at, lineEnd), 16)
    const end = lineEnd + 2 + size + 2
    if (bytes.length < end) return null
    if (size === 0) return { bytes: Buffer.concat(chunks), end }
    chunks.push(bytes.subarray(lineEnd + 2, end - 2))
    at = end
  }
}
