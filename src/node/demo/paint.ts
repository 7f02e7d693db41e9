import { styleText } from 'node:util'
import type { Running } from '../server.ts'
import type { Seeded } from './seed.ts'
import { deviceNew } from './walk/redox.ts'
import type { Walked } from './walk/step.ts'

const { stdout } = process
const paint = (style: Parameters<typeof styleText>[0], text: string) =>
  styleText(style, text, { stream: stdout })

/** The heading of a dialect's steps. */
export function showDialect(name: string): void {
  stdout.write(`\n${paint(['bold', 'underline'], name)}\n`)
}

const CREDENTIALS = ['Authorization', 'X-API-Key', 'X-Api-Key']
/** An answer's data is cut to what shows that they are there. */
const SHOWN = 400

/** A step as request and answer, tokens cut to what the eye can compare. */
export function showStep({ step, answer, wrong }: Walked, number: number): void {
  const { title, method, path, headers, body } = step
  const credentials = CREDENTIALS.filter((name) => name in headers)
  const lines = [
    '',
    paint('bold', `${number}. ${title}`),
    `   ${paint('cyan', `${method} ${path}`)}`,
    ...credentials.map((name) => `   ${paint('dim', shorten(`${name}: ${headers[name]}`))}`),
    ...(body === null ? [] : [`   ${shorten(visible(body))}`]),
    `   ${paint(answer.status < 400 ? 'green' : 'yellow', `${answer.status}`)} ${paint('dim', answer.type)}`,
    `   ${cut(shorten(visible(answer.body)))}`,
    wrong === null
      ? `   ${paint('green', '✓ as documented')}`
      : `   ${paint('red', `✗ not as documented: ${wrong}`)}`,
  ]
  stdout.write(`${lines.join('\n')}\n`)
}

/** The carriage returns that end HL7's segments. */
const visible = (text: string) => text.replaceAll('\r', '⏎ ')

const cut = (text: string) => (text.length > SHOWN ? `${text.slice(0, SHOWN)}…` : text)

/** Long tokens differ at their end, so that is what is shown. */
const shorten = (text: string) =>
  text.replace(/[\w-]{60,}(\.[\w-]+)*/g, (token) => `${token.slice(0, 6)}…${token.slice(-10)}`)

/** What a newcomer can paste. */
export function showInvitation({ url }: Running, seeded: Seeded, dataDir: string): void {
  const { apiKey, secret, destinationId } = seeded.redox
  const { username, password } = seeded.console
  const message = JSON.stringify(deviceNew(destinationId))
  stdout.write(`
${paint('bold', `Latchkey is up at ${url}`)}. Paste these into another terminal:

TOKEN=$(curl -s ${url}/auth/authenticate -H 'Content-Type: application/json' \\
  -d '{"apiKey":"${apiKey}","secret":"${secret}"}' | sed 's/.*"accessToken":"\\([^"]*\\)".*/\\1/')

curl -s ${url}/endpoint -H "Authorization: Bearer $TOKEN" -H 'Content-Type: application/json' \\
  -d '${message}'

LATCHKEY_DATA=${dataDir} npm run -s latchkey -- messages list

Or open ${url}/console and sign in as ${username} with the password ${password}

${paint('dim', 'Ctrl-C stops it. The data stays; the next start shows the same key.')}
`)
}
