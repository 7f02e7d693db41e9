import { once } from 'node:events'
import { describeFinding, type Finding } from './findings.ts'
import { type Sandbox, type SandboxOptions, startSandbox } from './sandbox.ts'

export { parseRules } from './schedule.ts'

export interface SimulateOptions extends SandboxOptions {
  /** Prints a line of JSON when ready, and one at the end. */
  readonly json: boolean
  readonly failOnFindings: boolean
}

/** Runs a sandbox until a signal, and reports what the clients did wrong. Returns the exit code. */
export async function runSimulator(options: SimulateOptions): Promise<number> {
  const stopped = Promise.race(
    ['SIGTERM', 'SIGINT', 'SIGHUP'].map((signal) => once(process, signal)),
  )
  const sandbox = await startSandbox(options)
  const { json, seed } = options
  const { url, data } = sandbox
  process.stdout.write(
    json ? `${JSON.stringify({ url, seed, ...data })}\n` : formatWelcome(sandbox, seed),
  )
  await stopped
  await sandbox.stop()
  const { findings, requests } = sandbox
  process.stdout.write(
    json
      ? `${JSON.stringify({ requests, findings: findings.map(describeFinding) })}\n`
      : formatReport(findings, requests),
  )
  return options.failOnFindings && findings.length > 0 ? 1 : 0
}

function formatWelcome({ url, data }: Sandbox, seed: number): string {
  const { redox, oauth, oauthSigner, xenrad, opendental, xdent, practice } = data
  return `The sandbox is up at ${url}, with the seed ${seed}.

Legacy key                   apiKey ${redox.apiKey}
                             secret ${redox.secret}
OAuth client with a secret   client id ${oauth.clientId}
                             secret ${oauth.clientSecret}
OAuth client that signs      client id ${oauthSigner.clientId}
                             key id ${oauthSigner.keyId}; --json prints the private key
Destination of messages      ${redox.destinationId}
Keys for every request       xenrad ${xenrad.apiKey}
                             xdent ${xdent.apiKey}
                             opendental ${opendental.developerKey}/${opendental.customerKey}
                             practice ${practice.username}:${practice.apiKey}

Move the clock:     curl -s -d '{"by":"8d"}' ${url}/simulate/advance
Add faults:         curl -s -d '[{"fault":"answer-503=30s","count":1}]' ${url}/simulate/faults
Read the report:    curl -s ${url}/simulate/report
For one request:    send the header Latchkey-Simulate: lose-answer-after-commit

Ctrl-C ends it, prints the report, and deletes the data.
`
}

function formatReport(findings: readonly Finding[], requests: number): string {
  const texts = findings.map(describeFinding).map(
    ({ code, key, count, summary, advice, firstAt, lastAt, requestIds }) => `
${summary}
  ${code}, ${count} of the requests of ${key === '' ? 'an unknown key' : key}
  from ${firstAt} to ${lastAt}, the first: ${requestIds.join(', ') || 'cut off'}
  ${advice}
`,
  )
  return `\nRequests: ${requests}. Findings: ${findings.length}.\n${texts.join('')}`
}
