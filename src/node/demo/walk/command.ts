import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import type { Walked } from './step.ts'

const run = promisify(execFile)

/** The settings that the demo's server runs with: a command needs the same. */
export type Settings = Readonly<Record<string, string | undefined>>

/** Runs commands under one heading, in processes of their own, as who types them does. */
export const commander = (settings: Settings, part: string) =>
  async function* command(
    title: string,
    args: readonly string[],
    wrong: (printed: string) => string | null,
  ): AsyncGenerator<Walked, void> {
    // The command line that this process was started by.
    const [, cli = ''] = process.argv
    const { stdout, stderr } = await run(process.execPath, [cli, ...args], { env: settings }).catch(
      (failed: { stdout: string; stderr: string }) => failed,
    )
    const printed = `${stdout}${stderr}`.trimEnd()
    const did = { kind: 'command', line: `latchkey ${args.join(' ')}`, printed } as const
    yield { part, title, did, wrong: wrong(printed) }
  }

/** What a command prints, each pattern somewhere in it. */
export const prints =
  (...patterns: readonly RegExp[]) =>
  (printed: string): string | null => {
    const missing = patterns.find((pattern) => !pattern.test(printed))
    return missing === undefined ? null : `it does not print ${missing.source}`
  }
