import { Command } from 'commander'
import { COMMAND_GROUPS, defineGroup } from '../../../src/node/cli/program.ts'

/** Defines the command line as `latchkey` does. */
export async function buildProgram(root = new Command('latchkey')): Promise<Command> {
  root.option('--json').exitOverride()
  for (const { name, description } of COMMAND_GROUPS) {
    await defineGroup(root.command(name).description(description), name)
  }
  return root
}

export const listLeafCommands = (command: Command): Command[] =>
  command.commands.length === 0 ? [command] : command.commands.flatMap(listLeafCommands)

export const formatCommandName = (command: Command): string =>
  command.parent?.parent ? `${formatCommandName(command.parent)} ${command.name()}` : command.name()
