import { runWarmCli } from '../cli/warm-cli.ts'
import { createTempFolder } from '../server.ts'

/** The help of `latchkey` and of each of its commands, as the command line prints it. */
export async function readHelp(): Promise<string> {
  const dir = createTempFolder()
  const read = async (command: readonly string[]): Promise<string[]> => {
    const args = [...command, '--help']
    const { stdout } = await runWarmCli(args, { dir })
    const [usage = ''] = stdout.split('\n')
    // Another text that begins as a list of commands does names no command.
    if (!usage.startsWith(['Usage: latchkey', ...command].join(' '))) return []
    const texts = [`$ latchkey ${args.join(' ')}\n${stdout}`]
    if (!usage.endsWith('[command]')) return texts
    for (const name of findCommands(stdout)) texts.push(...(await read([...command, name])))
    return texts
  }
  return (await read([])).join('\n')
}

const findCommands = (help: string): Set<string> =>
  new Set([...help.matchAll(/^ {2}([a-z][\w-]*)/gm)].map(([, name = '']) => name))
