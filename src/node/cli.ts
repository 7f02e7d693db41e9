#!/usr/bin/env -S node --max-semi-space-size=16 --min-semi-space-size=16
import { readFileSync } from 'node:fs'
import { Command } from 'commander'
import { GROUPS, namedGroup } from './cli/groups.ts'
import { forgiveClosedPipes } from './cli/pipes.ts'
import { reportErrors } from './cli/report.ts'

// What this process makes (database, key ring) is its owner's alone.
process.umask(0o077)
forgiveClosedPipes()

const { version } = JSON.parse(
  readFileSync(new URL('../../package.json', import.meta.url), 'utf8'),
) as { version: string }

const program = new Command('latchkey')
  .description(
    'Trades long-lived vendor API keys for short-lived tokens, and guards what they open.',
  )
  .version(version, '--version', 'print the version')
  .option('--json', 'one JSON document instead of text; errors too')
  .configureHelp({ showGlobalOptions: true })
  .addHelpText(
    'after',
    `
Settings are read from the environment: \`latchkey serve --help\` lists them all.
Changes are in force in a running server at once.

Exit codes: 0 done, 1 refused or failed, 2 wrong usage or configuration.`,
  )

await reportErrors(program, async () => {
  const args = process.argv.slice(2)
  const named = namedGroup(args)
  for (const [name, { description, load }] of Object.entries(GROUPS)) {
    const group = program.command(name).description(description)
    if (name === named) (await load()).define(group)
  }
  await program.parseAsync(args, { from: 'user' })
})
