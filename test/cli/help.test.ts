import { readFileSync } from 'node:fs'
import { Command } from 'commander'
import { describe, expect, test } from 'vitest'
import { GROUPS } from '../../src/node/cli/groups.ts'
import { runCli } from '../support/process.ts'
import { temporaryFolder } from '../support/server.ts'

/** The command line as `latchkey` defines it, but nothing is done: `ran` tells what would have been. */
async function program(ran: (name: string) => void = () => undefined): Promise<Command> {
  const root = new Command('latchkey').option('--json').exitOverride()
  root.configureOutput({ writeOut: () => undefined, writeErr: () => undefined })
  for (const { name, description, load } of GROUPS) {
    const group = root.command(name).description(description)
    ;(await load()).define(group)
  }
  for (const leaf of leavesOf(root)) leaf.action(() => ran(nameOf(leaf)))
  return root
}

const leavesOf = (command: Command): Command[] =>
  command.commands.length === 0 ? [command] : command.commands.flatMap(leavesOf)

const nameOf = (command: Command): string =>
  command.parent?.parent ? `${nameOf(command.parent)} ${command.name()}` : command.name()

function helpOf(command: Command): string {
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
function argumentsOf(line: string): string[] {
  const [command = ''] = line.split(/ [|<>#] ?/)
  return [...command.matchAll(/"([^"]*)"|(\S+)/g)].map(([, quoted, bare]) => quoted ?? bare ?? '')
}

const examplesOf = (help: string): string[][] =>
  [...help.replaceAll('\\\n', '').matchAll(/^ {2}\$ latchkey (.*)$/gm)].map(([, line = '']) =>
    argumentsOf(line),
  )

const names = leavesOf(await program()).map(nameOf)

test('every command of every group is here', () => {
  expect(names).toContain('keys rotate-secret')
  expect(names).toContain('addresses enforce')
  expect(names).toContain('serve')
  expect(names.length).toBeGreaterThan(45)
})

describe('the help', () => {
  test.each(names)(
    'of %s says what it does, and its examples are command lines of it',
    async (name) => {
      const command = leavesOf(await program()).find((leaf) => nameOf(leaf) === name)
      if (command === undefined) throw new Error(`${name} is gone`)
      expect(command.description()).toMatch(/[.]$/)
      const found = examplesOf(helpOf(command))
      expect(found.length).toBeGreaterThan(0)
      for (const args of found) {
        const ran: string[] = []
        const root = await program((what) => ran.push(what))
        await root.parseAsync(args, { from: 'user' })
        expect({ args, ran }).toEqual({ args, ran: [name] })
      }
    },
  )

  test('of latchkey, and of keys as a whole, has examples that are command lines', async () => {
    const dir = temporaryFolder()
    const [whole, keys] = await Promise.all([
      runCli(['--help'], { dir }),
      runCli(['keys', '--help'], { dir }),
    ])
    const found = [...examplesOf(whole.stdout), ...examplesOf(keys.stdout)]
    expect(found).toHaveLength(6)
    for (const args of found) {
      const ran: string[] = []
      await (await program((what) => ran.push(what))).parseAsync(args, { from: 'user' })
      expect(ran).toHaveLength(1)
    }
  })
})

test('the command lines of the README are such', async () => {
  const readme = readFileSync(new URL('../../README.md', import.meta.url), 'utf8')
  const lines = [...readme.matchAll(/^(?:npm run -s )?latchkey (?:-- )?(.*)$/gm)]
  expect(lines.length).toBeGreaterThan(25)
  for (const [, line = ''] of lines) {
    const args = argumentsOf(line)
    if (args[0]?.startsWith('--')) continue
    const ran: string[] = []
    await (await program((what) => ran.push(what))).parseAsync(args, { from: 'user' })
    expect(ran, line).toHaveLength(1)
  }
})
