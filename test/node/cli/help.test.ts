import { Command } from 'commander'
import { describe, expect, test } from 'vitest'
import { COMMAND_GROUPS } from '../../../src/node/cli/command-groups.ts'
import { runCli } from '../../support/process.ts'
import { createTempFolder } from '../../support/server.ts'

/** The command line as `latchkey` defines it, but nothing is done: `ran` tells what would have been. */
async function buildProgram(ran: (name: string) => void = () => undefined): Promise<Command> {
  const root = new Command('latchkey').option('--json').exitOverride()
  root.configureOutput({ writeOut: () => undefined, writeErr: () => undefined })
  for (const { name, description, load } of COMMAND_GROUPS) {
    const group = root.command(name).description(description)
    ;(await load()).defineCommands(group)
  }
  for (const leaf of listLeafCommands(root)) leaf.action(() => ran(formatCommandName(leaf)))
  return root
}

const listLeafCommands = (command: Command): Command[] =>
  command.commands.length === 0 ? [command] : command.commands.flatMap(listLeafCommands)

const formatCommandName = (command: Command): string =>
  command.parent?.parent ? `${formatCommandName(command.parent)} ${command.name()}` : command.name()

function renderHelp(command: Command): string {
  let help = ''
  command.configureOutput({
    writeOut: (text) => {
      help += text
    },
  })
  command.outputHelp()
  return help
}

/** As a shell would pass them to `latchkey`. */
function parseArguments(line: string): string[] {
  const [command = ''] = line.split(/ [|<>#] ?/)
  return [...command.matchAll(/"([^"]*)"|(\S+)/g)].map(([, quoted, bare]) => quoted ?? bare ?? '')
}

const listExamples = (help: string): string[][] =>
  [...help.replaceAll('\\\n', '').matchAll(/^ {2}\$ latchkey (.*)$/gm)].map(([, line = '']) =>
    parseArguments(line),
  )

const names = listLeafCommands(await buildProgram()).map(formatCommandName)

test('every command of every group is here', () => {
  expect(names).toContain('keys rotate-secret')
  expect(names).toContain('ip-allowlist enforce')
  expect(names).toContain('serve')
  expect(names.length).toBeGreaterThan(45)
})

describe('the help', () => {
  test.each(names)(
    'of %s says what it does, and its examples are command lines of it',
    async (name) => {
      const command = listLeafCommands(await buildProgram()).find(
        (leaf) => formatCommandName(leaf) === name,
      )
      if (command === undefined) throw new Error(`${name} is gone`)
      expect(command.description()).toMatch(/[.]$/)
      const found = listExamples(renderHelp(command))
      expect(found.length).toBeGreaterThan(0)
      for (const args of found) {
        const ran: string[] = []
        const root = await buildProgram((what) => ran.push(what))
        await root.parseAsync(args, { from: 'user' })
        expect({ args, ran }).toEqual({ args, ran: [name] })
      }
    },
  )

  test('of latchkey, and of keys as a whole, has examples that are command lines', async () => {
    const dir = createTempFolder()
    const [whole, keys] = await Promise.all([
      runCli(['--help'], { dir }),
      runCli(['keys', '--help'], { dir }),
    ])
    const found = [...listExamples(whole.stdout), ...listExamples(keys.stdout)]
    expect(found).toHaveLength(6)
    for (const args of found) {
      const ran: string[] = []
      await (await buildProgram((what) => ran.push(what))).parseAsync(args, { from: 'user' })
      expect(ran).toHaveLength(1)
    }
  })
})
