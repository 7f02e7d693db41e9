import { styleText } from 'node:util'
import type { RunningServer } from '../node/server.ts'
import type { HospitalServer } from './hospital.ts'
import type { DemoData } from './seed.ts'
import type { ShownCommand, ShownRequest, WalkStep } from './walk/steps.ts'
import { createDeviceMessage } from './walk/vendors.ts'

const { stdout } = process
export const paint = (style: Parameters<typeof styleText>[0], text: string) =>
  styleText(style, text, { stream: stdout })

/** Formats the heading of a part of the walk-through. */
export function showPart(name: string): void {
  stdout.write(`\n${paint(['bold', 'underline'], name)}\n`)
}

const SHOWN_CREDENTIAL_HEADERS = ['Authorization', 'X-API-Key', 'X-Api-Key', 'verification-token']
/** Longer data of an answer is cut. */
const MAX_SHOWN_LENGTH = 600

/** Formats a step and its answer. Cuts tokens to what the eye can compare. */
export function showStep({ title, action, problem }: WalkStep, number: number): void {
  const lines = [
    '',
    paint('bold', `${number}. ${title}`),
    ...(action.kind === 'request' ? formatRequest(action) : formatCommand(action)),
    problem === null
      ? `   ${paint('green', '✓ as documented')}`
      : `   ${paint('red', `✗ not as documented: ${problem}`)}`,
  ]
  stdout.write(`${lines.join('\n')}\n`)
}

function formatRequest({ method, path, headers, body, answer }: ShownRequest): string[] {
  const credentials = SHOWN_CREDENTIAL_HEADERS.filter((name) => name in headers)
  return [
    `   ${paint('cyan', `${method} ${path}`)}`,
    ...credentials.map((name) => `   ${paint('dim', shortenTokens(`${name}: ${headers[name]}`))}`),
    ...(body === null ? [] : [`   ${shortenTokens(markCarriageReturns(body))}`]),
    `   ${paint(answer.status < 400 ? 'green' : 'yellow', `${answer.status}`)} ${paint('dim', answer.type)}`,
    `   ${truncate(shortenTokens(markCarriageReturns(answer.body.trimEnd())))}`,
  ]
}

const formatCommand = ({ line, printed }: ShownCommand): string[] => [
  `   ${paint('cyan', `$ ${line}`)}`,
  ...printed.split('\n').map((one) => `   ${one}`),
]

/** Replaces the carriage returns that end HL7 segments. */
const markCarriageReturns = (text: string) => text.replaceAll('\r', '⏎ ')

const truncate = (text: string) =>
  text.length > MAX_SHOWN_LENGTH ? `${text.slice(0, MAX_SHOWN_LENGTH)}…` : text

/** Shows the end of a long token, because tokens differ there. */
const shortenTokens = (text: string) =>
  text.replace(/[\w-]{60,}(\.[\w-]+)*/g, (token) => `${token.slice(0, 6)}…${token.slice(-10)}`)

/** Formats the commands that a newcomer can paste after the walk-through. */
export function formatInvitation(
  { url, console }: Pick<RunningServer, 'url' | 'console'>,
  { redox, console: operator }: DemoData,
  hospital: HospitalServer,
  dataDir: string,
): string {
  const { apiKey, secret, destinationId } = redox
  const message = JSON.stringify(createDeviceMessage(destinationId))
  const send = `curl -s ${url}/endpoint -H "Authorization: Bearer $TOKEN" -H 'Content-Type: application/json' \\
  -d '${message}'`
  return `
${paint('bold', `Latchkey is up at ${url}`)}. Its destination, a hospital, shows what arrives at ${paint('bold', `${hospital.url}/`)}
${console === null ? '' : `The console is at ${paint('bold', `${console.url}/console`)}: sign in as ${operator.username} with the password ${operator.password}\n`}
Open that page, and paste these into another terminal:

${paint('bold', '1. Send a message.')} It arrives at once.

TOKEN=$(curl -s ${url}/auth/authenticate -H 'Content-Type: application/json' \\
  -d '{"apiKey":"${apiKey}","secret":"${secret}"}' | sed 's/.*"accessToken":"\\([^"]*\\)".*/\\1/')

${send}

${paint('bold', '2. Make the hospital fail, and send again.')} It is tried at once, then after 10, 10, 20 and 30 s; and the queue is kept.

curl -s -d failing=on ${hospital.url}/switch

${send}

LATCHKEY_DATA=${dataDir} npm run -s latchkey -- messages list --limit 3

${paint('bold', '3. Let it recover.')} What waited arrives in its order, at its next try.

curl -s -d failing=off ${hospital.url}/switch

${paint('dim', 'Ctrl-C stops it. The data stays; the next start shows the same key.')}
`
}
