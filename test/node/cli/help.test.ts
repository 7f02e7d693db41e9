import { Command } from 'commander'
import { describe, expect, test } from 'vitest'
import { OPERATIONS } from '../../../src/operations/registry.ts'
import { buildProgram, formatCommandName, listLeafCommands } from '../../support/cli/program.ts'
import { runCli } from '../../support/process.ts'
import { createTempFolder } from '../../support/server.ts'

/** Parses a command line, and returns the names of the commands that would run. */
async function findCommandsToRun(args: readonly string[]): Promise<string[]> {
  const names: string[] = []
  const root = new Command('latchkey')
  root.configureOutput({ writeOut: () => undefined, writeErr: () => undefined })
  for (const leaf of listLeafCommands(await buildProgram(root))) {
    leaf.action(() => {
      names.push(formatCommandName(leaf))
    })
  }
  await root.parseAsync(args, { from: 'user' })
  return names
}

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

/** Splits a command line as a shell does. */
function parseArguments(line: string): string[] {
  const [command = ''] = line.split(/ [|<>#] ?/)
  return [...command.matchAll(/"([^"]*)"|(\S+)/g)].map(([, quoted, bare]) => quoted ?? bare ?? '')
}

const listExamples = (help: string): string[][] =>
  [...help.replaceAll('\\\n', '').matchAll(/^ {2}\$ latchkey (.*)$/gm)].map(([, line = '']) =>
    parseArguments(line),
  )

const names = listLeafCommands(await buildProgram()).map(formatCommandName)

test('every operation is a command, or has a reason why not', () => {
  const operations = OPERATIONS.filter(
    ({ id, noCommand }) => noCommand === undefined && !id.startsWith('me.'),
  )
  const commands = operations.map(({ id }) =>
    id.replace('.', ' ').replaceAll(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`),
  )
  expect(commands).toContain('keys rotate-secret')
  expect(commands).toContain('ip-allowlist enforce')
  expect(commands.filter((command) => !names.includes(command))).toEqual([])
  expect(names).toContain('serve')
})

describe('the help', () => {
  test.each(names)(
    'of %s describes the command, and its examples run the command',
    async (name) => {
      const command = listLeafCommands(await buildProgram()).find(
        (leaf) => formatCommandName(leaf) === name,
      )
      if (command === undefined) throw new Error(`there is no command ${name}`)
      expect(command.description()).toMatch(/[.]$/)
      const found = listExamples(renderHelp(command))
      expect(found.length).toBeGreaterThan(0)
      for (const args of found)
        expect(await findCommandsToRun(args), args.join(' ')).toEqual([name])
    },
  )

  test('of latchkey, and of the group keys, has examples that run commands', async () => {
    const dir = createTempFolder()
    const [whole, keys] = await Promise.all([
      runCli(['--help'], { dir }),
      runCli(['keys', '--help'], { dir }),
    ])
    const found = [...listExamples(whole.stdout), ...listExamples(keys.stdout)]
    expect(found).toHaveLength(6)
    for (const args of found) expect(await findCommandsToRun(args), args.join(' ')).toHaveLength(1)
  })
})
