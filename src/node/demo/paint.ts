import { styleText } from 'node:util'
import type { Commanded, Requested, Walked } from './walk/step.ts'

const { stdout } = process
export const paint = (style: Parameters<typeof styleText>[0], text: string) =>
  styleText(style, text, { stream: stdout })

/** The heading of a part of the walk. */
export function showPart(name: string): void {
  stdout.write(`\n${paint(['bold', 'underline'], name)}\n`)
}

const CREDENTIALS = ['Authorization', 'X-API-Key', 'X-Api-Key', 'verification-token']
/** An answer's data is cut to what shows that they are there. */
const SHOWN = 600

/** A step, and what came of it; tokens cut to what the eye can compare. */
export function showStep({ title, did, wrong }: Walked, number: number): void {
  const lines = [
    '',
    paint('bold', `${number}. ${title}`),
    ...(did.kind === 'request' ? linesOfRequest(did) : linesOfCommand(did)),
    wrong === null
      ? `   ${paint('green', '✓ as documented')}`
      : `   ${paint('red', `✗ not as documented: ${wrong}`)}`,
  ]
  stdout.write(`${lines.join('\n')}\n`)
}

function linesOfRequest({ method, path, headers, body, answer }: Requested): string[] {
  const credentials = CREDENTIALS.filter((name) => name in headers)
  return [
    `   ${paint('cyan', `${method} ${path}`)}`,
    ...credentials.map((name) => `   ${paint('dim', shorten(`${name}: ${headers[name]}`))}`),
    ...(body === null ? [] : [`   ${shorten(visible(body))}`]),
    `   ${paint(answer.status < 400 ? 'green' : 'yellow', `${answer.status}`)} ${paint('dim', answer.type)}`,
    `   ${cut(shorten(visible(answer.body.trimEnd())))}`,
  ]
}

const linesOfCommand = ({ line, printed }: Commanded): string[] => [
  `   ${paint('cyan', `$ ${line}`)}`,
  ...printed.split('\n').map((one) => `   ${one}`),
]

/** The carriage returns that end HL7's segments. */
const visible = (text: string) => text.replaceAll('\r', '⏎ ')

const cut = (text: string) => (text.length > SHOWN ? `${text.slice(0, SHOWN)}…` : text)

/** Long tokens differ at their end, so that is what is shown. */
const shorten = (text: string) =>
  text.replace(/[\w-]{60,}(\.[\w-]+)*/g, (token) => `${token.slice(0, 6)}…${token.slice(-10)}`)
