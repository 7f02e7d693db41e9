import { connect, type Socket } from 'node:net'

/** One keep-alive connection: a request, its answer, and only then the next request. */
export interface Connection {
  ask(request: Buffer, answered: (status: number, body: string) => void): void
  /** Told where it is of no more use, by its end too. */
  onFailure(failed: (error: Error) => void): void
  close(): void
}

const READ_BYTES = 64 * 1024

/** On node:net with requests made beforehand: it must cost less than the server that it loads. */
export async function openConnection(port: number): Promise<Connection> {
  let receive: (text: string) => void = () => {}
  const socket = await new Promise<Socket>((resolve, reject) => {
    const opening = connect({
      host: '127.0.0.1',
      port,
      noDelay: true,
      onread: {
        buffer: Buffer.allocUnsafe(READ_BYTES),
        callback(length, buffer) {
          // A header is ASCII and a length counts bytes: as latin1 a byte is a character.
          receive(Buffer.from(buffer.buffer, buffer.byteOffset, length).toString('latin1'))
          return true
        },
      },
    })
    opening.once('error', reject)
    opening.once('connect', () => {
      opening.off('error', reject)
      resolve(opening)
    })
  })

  return {
    ask(request, answered) {
      let held = ''
      receive = (text) => {
        const answer = readAnswer(held + text)
        if (answer === null) held += text
        else answered(answer.status, answer.body)
      }
      socket.write(request)
    },
    onFailure(failed) {
      socket.once('error', failed)
      socket.once('close', () => failed(new Error('the server closed the connection')))
    },
    close: () => socket.destroy(),
  }
}

const LENGTH = /\r\ncontent-length: (\d+)\r\n/i

/** One whole HTTP/1.1 answer, or null where some of it is still to come (RFC 9112 §6). */
function readAnswer(text: string): { status: number; body: string } | null {
  const end = text.indexOf('\r\n\r\n')
  if (end === -1) return null
  const length = LENGTH.exec(text)?.[1]
  if (length === undefined) throw new Error(`an answer without Content-Length: ${text}`)
  const body = text.slice(end + 4)
  if (body.length < Number(length)) return null
  if (body.length > Number(length)) throw new Error(`more than one answer: ${text}`)
  return { status: Number(text.slice(9, 12)), body }
}
