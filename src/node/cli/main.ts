import { Command } from 'commander'
import { readPackageFile } from '../package-file.ts'
import { reportErrors } from './command-failure.ts'
import { COMMAND_GROUPS, findGroupName, normalizeIds, resolveHelp } from './command-groups.ts'
import { handleWriteErrors } from './output.ts'

// The files that this process creates (database, key ring) are readable by their owner only.
process.umask(0o077)
handleWriteErrors()

const { version } = JSON.parse(readPackageFile('package.json')) as { version: string }

const program = new Command('latchkey')
  .description(
    'Exchanges long-lived vendor API keys for short-lived tokens, and guards the APIs behind them.',
  )
  .version(version, '--version', 'print the version')
  .option('--json', 'one JSON document instead of text; errors too')
  .configureHelp({ showGlobalOptions: true })
  .commandsGroup('More:')
  .addHelpText(
    'after',
    `
Settings are read from the environment: \`latchkey serve --help\` lists them all.
Commands work on the database of LATCHKEY_DATA or LATCHKEY_DATABASE, beside a running server: what
they change is in force at its next request. \`latchkey keys --help\` is where most days begin.

From nothing to a key:
  $ latchkey accounts create --name "Acme Health"
  $ latchkey users create --account 0199aa… --email eng@acme.example --role engineer
  $ latchkey keys create --key-type xdent --owner 0199bb… --name "nightly job"

Exit codes: 0 done, 1 refused or failed, 2 wrong usage or configuration.`,
  )

program.hook('preAction', (_, command) => normalizeIds(command))

await reportErrors(program, async () => {
  const args = process.argv.slice(2)
  const groupName = findGroupName(args)
  for (const { name, heading, description, load } of COMMAND_GROUPS) {
    const group = program.command(name).description(description).helpGroup(heading)
    if (name === groupName) (await load())(group)
  }
  await program.parseAsync(resolveHelp(program, args), { from: 'user' })
})
