/** One answer of Latchkey, for the bare app to give again. */
export interface Answer {
  readonly status: number
  readonly headers: Readonly<Record<string, string>>
  readonly body: string
}

/** What the HTTP server writes by itself. */
const OF_THE_SERVER = ['connection', 'content-length', 'date', 'keep-alive']

/** Sends one request of a script and keeps what comes back. */
export async function sampleAnswer(port: number, request: Buffer): Promise<Answer> {
  const [head = '', body = ''] = request.toString().split('\r\n\r\n')
  const [line = '', ...fields] = head.split('\r\n')
  const headers = fields
    .map((field): [string, string] => {
      const at = field.indexOf(': ')
      return [field.slice(0, at), field.slice(at + 2)]
    })
    .filter(([name]) => name !== 'Host' && name !== 'Content-Length')
  const url = `http://127.0.0.1:${port}${line.split(' ')[1]}`
  const response = await fetch(url, { method: 'POST', headers, body })
  return {
    status: response.status,
    headers: Object.fromEntries(
      [...response.headers].filter(([name]) => !OF_THE_SERVER.includes(name)),
    ),
    body: await response.text(),
  }
}
