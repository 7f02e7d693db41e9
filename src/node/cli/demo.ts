import { type Command, InvalidArgumentError } from 'commander'
import { formatExamples, isJsonRequested } from './print.ts'

interface DemoCommandOptions {
  readonly once?: true
  readonly port: number
  readonly data: string
}

export function defineDemoCommand(group: Command): void {
  group
    .description('Create sample vendors, show the exchange step by step, and keep running.')
    .option('--once', 'exit after the walk-through: with 0 only if every step went as documented')
    .option('--port <n>', 'port to listen on; 0 selects a free port', parsePort, 8080)
    .option('--data <dir>', 'folder of the database and the key ring', './data/demo')
    .addHelpText(
      'after',
      formatExamples('demo', 'demo --once', 'demo --json --port 0 --data /tmp/demo'),
    )
    .action(async ({ once, port, data }: DemoCommandOptions, command: Command) => {
      const { runDemo } = await import('../../demo/demo.ts')
      process.exitCode = await runDemo({
        json: isJsonRequested(command),
        once: once ?? false,
        port,
        dataDir: data,
      })
    })
}

function parsePort(text: string): number {
  const port = /^\d{1,5}$/.test(text) ? Number(text) : -1
  if (port < 0 || port > 65_535) throw new InvalidArgumentError('It must be from 0 to 65535.')
  return port
}
