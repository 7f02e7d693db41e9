import type { Command } from 'commander'
import { readConfig, SETTINGS } from '../../config.ts'
import { examples } from './examples.ts'

const EXIT_BY_SIGNAL = { SIGINT: 130, SIGTERM: 143 } as const

export function define(group: Command): void {
  group
    .description('Run the server until SIGTERM or SIGINT. Its log goes to stdout, JSON lines.')
    .addHelpText('after', `\nSettings, from the environment:\n${settings()}`)
    .addHelpText('after', examples('serve', 'serve | jq .msg'))
    .action(serve)
}

async function serve(): Promise<void> {
  const config = readConfig(process.env)
  const { createLog } = await import('../log.ts')
  const { start } = await import('../server.ts')
  const log = createLog(config.logLevel, 1)
  const running = await start(config, log)

  let stopping = false
  const stop = async (signal: keyof typeof EXIT_BY_SIGNAL) => {
    // Told twice: whoever still waits for an answer will not get it.
    if (stopping) process.exit(EXIT_BY_SIGNAL[signal])
    stopping = true
    await running.stop()
    log.flush()
    process.exit(0)
  }
  process.on('SIGTERM', stop)
  process.on('SIGINT', stop)
}

function settings(): string {
  return Object.entries(SETTINGS)
    .map(([name, setting]) => {
      const preset = setting.default === '' ? 'empty' : setting.default
      return `  ${name} (default: ${preset})\n      ${setting.help}`
    })
    .join('\n')
}
