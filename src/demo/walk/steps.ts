import { execFile } from 'node:child_process'
import { promisify } from 'node:util'

/** A request of the walk-through, and what was answered. */
export interface ShownRequest {
  readonly kind: 'request'
  readonly method: string
  /** As it is shown: the path alone where it is Latchkey that is asked. */
  readonly path: string
  readonly headers: Readonly<Record<string, string>>
  readonly body: string | null
  readonly answer: StepResponse
}

export interface StepResponse {
  readonly status: number
  readonly type: string
  readonly body: string
}

/** A command as a person types it, and what it printed. */
export interface ShownCommand {
  readonly kind: 'command'
  readonly line: string
  readonly printed: string
}

/** One step of the walk-through. */
export interface WalkStep {
  /** The heading that it stands under. */
  readonly part: string
  readonly title: string
  readonly action: ShownRequest | ShownCommand
  /** What is not as documented; null where everything is. */
  readonly problem: string | null
}

export type WalkSteps = AsyncGenerator<WalkStep, void>

/** Makes requests under one heading; `wrong` says what is not as documented of an answer. */
export const createRequester = (url: string, part: string, shownUrl = '') =>
  async function* requestStep(
    title: string,
    path: string,
    input: {
      method?: string
      headers?: Readonly<Record<string, string>>
      body?: string
      problem: (answer: StepResponse) => string | null
    },
  ): AsyncGenerator<WalkStep, StepResponse> {
    const { method = 'GET', headers = {}, body = null, problem } = input
    const response = await fetch(url + path, { method, headers, body, redirect: 'manual' })
    const answer = {
      status: response.status,
      type: response.headers.get('content-type') ?? '',
      body: await response.text(),
    }
    const action = {
      kind: 'request',
      method,
      path: shownUrl + path,
      headers,
      body,
      answer,
    } as const
    yield { part, title, action, problem: problem(answer) }
    return answer
  }

export const findStatusProblem = (status: number, answer: StepResponse) =>
  answer.status === status ? null : `it answers ${answer.status}, not ${status}`

/** What an answer says, and more if need be. */
export const expectBody =
  (status: number, text: string) =>
  (answer: StepResponse): string | null =>
    findStatusProblem(status, answer) ??
    (answer.body.includes(text) ? null : `it does not say ${text}`)

const runFile = promisify(execFile)

/** The settings that the demo's server runs with: a command needs the same. */
export type DemoEnvironment = Readonly<Record<string, string | undefined>>

/** Runs commands under one heading, in processes of their own, as who types them does. */
export const createCommandRunner = (settings: DemoEnvironment, part: string) =>
  async function* command(
    title: string,
    args: readonly string[],
    problem: (printed: string) => string | null,
  ): AsyncGenerator<WalkStep, void> {
    // The command line that this process was started by.
    const [, cli = ''] = process.argv
    const { stdout, stderr } = await runFile(process.execPath, [cli, ...args], {
      env: settings,
    }).catch((failed: { stdout: string; stderr: string }) => failed)
    const printed = `${stdout}${stderr}`.trimEnd()
    const action = { kind: 'command', line: `latchkey ${args.join(' ')}`, printed } as const
    yield { part, title, action, problem: problem(printed) }
  }

/** What a command prints, each pattern somewhere in it. */
export const expectOutput =
  (...patterns: readonly RegExp[]) =>
  (printed: string): string | null => {
    const missing = patterns.find((pattern) => !pattern.test(printed))
    return missing === undefined ? null : `it does not print ${missing.source}`
  }
