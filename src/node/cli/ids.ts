import type { Command } from 'commander'
import { toStoredId } from '../../domain/id.ts'

/** The placeholders for ids in the usage texts of commands. */
const ID_PLACEHOLDERS = ['id', 'user', 'request-id', 'network', 'cursor']

/** Spells every id on a command line as it is stored. */
export function normalizeIds(command: Command): void {
  command.registeredArguments.forEach((argument, n) => {
    const value: unknown = command.processedArgs[n]
    if (ID_PLACEHOLDERS.includes(argument.name()) && typeof value === 'string') {
      command.processedArgs[n] = toStoredId(value)
    }
  })
  for (const option of command.options) {
    const [, placeholder = ''] = /<([\w-]+)>/.exec(option.flags) ?? []
    const name = option.attributeName()
    const value: unknown = command.getOptionValue(name)
    if (ID_PLACEHOLDERS.includes(placeholder) && typeof value === 'string') {
      command.setOptionValue(name, toStoredId(value))
    }
  }
}
