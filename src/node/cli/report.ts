import { type Command, CommanderError } from 'commander'
import { explain } from './explain.ts'
import { CommandFailure } from './failure.ts'

/**
 * Runs the program. What goes wrong is one sentence on stderr (one JSON document with --json) and
 * an exit code; the stack is shown to who asks for it with LATCHKEY_LOG_LEVEL=debug.
 */
export async function reportErrors(program: Command, run: () => Promise<void>): Promise<void> {
  let help = ''
  program.exitOverride().configureOutput({
    // Reported below, with all other errors.
    outputError: () => undefined,
    writeErr: (text) => {
      help += text
    },
  })

  try {
    await run()
  } catch (error) {
    if (error instanceof CommanderError && error.exitCode === 0) return
    const failure = toFailure(error)
    process.exitCode = failure.exitCode
    writeFailure(failure, help)
    if (process.env.LATCHKEY_LOG_LEVEL === 'debug' && error instanceof Error) {
      process.stderr.write(`${error.stack}\n`)
    }
  }
}

/** One sentence, or a help text in its place; with --json one document. */
export function writeFailure({ problem, message }: CommandFailure, help = ''): void {
  const json = process.argv.includes('--json')
  const document = JSON.stringify({ error: { problem, message } })
  process.stderr.write(json ? `${document}\n` : help || `${message}\n`)
}

function toFailure(error: unknown): CommandFailure {
  if (error instanceof CommandFailure) return error
  if (error instanceof CommanderError) {
    const message =
      error.code === 'commander.help'
        ? 'say which command: add --help for a list'
        : error.message.replace(/^error: /, '').replace(/\s*\n\s*/g, ' ')
    return new CommandFailure('usage', message)
  }
  if (error instanceof Error && error.name === 'ConfigError') {
    return new CommandFailure('configuration', error.message)
  }
  return new CommandFailure('failed', explain(error))
}
