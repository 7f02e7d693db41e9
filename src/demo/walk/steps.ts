import { execFile } from 'node:child_process'
import { promisify } from 'node:util'

/** A request of the walk-through, and its answer. */
export interface ShownRequest {
  readonly kind: 'request'
  readonly method: string
  /** The URL as shown: only the path for Latchkey's own. */
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

/** A command as a user types it, and its output. */
export interface ShownCommand {
  readonly kind: 'command'
  readonly line: string
  readonly printed: string
}

export interface WalkStep {
  /** The heading above the step. */
  readonly part: string
  readonly title: string
  readonly action: ShownRequest | ShownCommand
  /** The difference from the documentation; null if there is none. */
  readonly problem: string | null
}

export type WalkSteps = AsyncGenerator<WalkStep, void>

/** Makes requests under one heading. `wrong` returns how an answer differs from the documentation. */
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

/** Checks the status of an answer, and more if needed. */
export const expectBody =
  (status: number, text: string) =>
  (answer: StepResponse): string | null =>
    findStatusProblem(status, answer) ??
    (answer.body.includes(text) ? null : `it does not say ${text}`)

const runFile = promisify(execFile)

/** Returns the settings of the demo's server, which commands need too. */
export type DemoEnvironment = Readonly<Record<string, string | undefined>>

/** Runs commands under one heading, in processes of their own. */
export const createCommandRunner = (settings: DemoEnvironment, part: string) =>
  async function* command(
    title: string,
    args: readonly string[],
    problem: (printed: string) => string | null,
  ): AsyncGenerator<WalkStep, void> {
    // Reuses the command line that started this process.
    const [, cli = ''] = process.argv
    const { stdout, stderr } = await runFile(process.execPath, [cli, ...args], {
      env: settings,
    }).catch((failed: { stdout: string; stderr: string }) => failed)
    const printed = `${stdout}${stderr}`.trimEnd()
    const action = { kind: 'command', line: `latchkey ${args.join(' ')}`, printed } as const
    yield { part, title, action, problem: problem(printed) }
  }

/** Expects each pattern somewhere in a command's output. */
export const expectOutput =
  (...patterns: readonly RegExp[]) =>
  (printed: string): string | null => {
    const missing = patterns.find((pattern) => !pattern.test(printed))
    return missing === undefined ? null : `it does not print ${missing.source}`
  }
