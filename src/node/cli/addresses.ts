import type { Command } from 'commander'
import type { AddressRule } from '../../service/ports.ts'
import { inForce, ruleOf, standingOf } from './addresses/standing.ts'
import { examples } from './examples.ts'
import { CommandFailure, granted } from './failure.ts'
import { withLatchkey } from './opening.ts'
import { type Columns, printMany, printOne, say, time } from './print.ts'

const COLUMNS: Columns<AddressRule> = [
  ['id', (rule) => rule.id],
  ['network', (rule) => rule.network],
  ['note', (rule) => rule.note || null],
  ['created', (rule) => time(rule.createdAt)],
]

interface Of {
  readonly account: string
}

export function define(group: Command): void {
  group.addHelpText(
    'after',
    `
An account has a list of addresses and a switch. While the switch is on (enforce) and the list is not
empty, its keys work from the listed addresses only. Each command says what is in force after it.`,
  )

  group
    .command('add')
    .argument('<network>', 'an address or CIDR: 203.0.113.7, 203.0.113.0/24, 2001:db8::/32')
    .description("Put an address or a network on an account's list.")
    .requiredOption('--account <id>', 'the account')
    .option('--note <text>', 'whose it is')
    .addHelpText(
      'after',
      examples('addresses add 203.0.113.0/24 --account 0199aa… --note "head office"'),
    )
    .action(async (network: string, options: Of & { note?: string }, command: Command) => {
      const wish = { accountId: options.account, network, note: options.note }
      const { rule, standing } = await withLatchkey(async (latchkey) => ({
        rule: granted(await latchkey.places.addAddress(wish)),
        standing: await standingOf(latchkey, options.account),
      }))
      printOne(command, rule, COLUMNS)
      say(inForce(standing))
    })

  group
    .command('list')
    .description("List an account's addresses, and say whether they are enforced.")
    .requiredOption('--account <id>', 'the account')
    .addHelpText('after', examples('addresses list --account 0199aa…'))
    .action(async ({ account }: Of, command: Command) => {
      const standing = await withLatchkey((latchkey) => standingOf(latchkey, account))
      printMany(command, standing.rules, COLUMNS)
      say(inForce(standing))
    })

  group
    .command('remove')
    .argument('<network>', 'one of the list, or its id there')
    .description("Take an address or a network off an account's list.")
    .requiredOption('--account <id>', 'the account')
    .addHelpText('after', examples('addresses remove 203.0.113.0/24 --account 0199aa…'))
    .action(async (network: string, { account }: Of, command: Command) => {
      const { rule, standing } = await withLatchkey(async (latchkey) => {
        const rule = ruleOf(await standingOf(latchkey, account), network)
        if (rule === undefined) {
          throw new CommandFailure('not_found', `${network} is not on the list of ${account}`)
        }
        granted(await latchkey.places.removeAddress(rule.id))
        return { rule, standing: await standingOf(latchkey, account) }
      })
      printOne(command, rule, COLUMNS)
      say(inForce(standing))
    })

  group
    .command('enforce')
    .description('Let the keys of an account work from the listed addresses only.')
    .requiredOption('--account <id>', 'the account')
    .addHelpText('after', examples('addresses enforce --account 0199aa…'))
    .action(setEnforced(true))

  group
    .command('open')
    .description('Undo enforce: the keys work from anywhere. The list is kept.')
    .requiredOption('--account <id>', 'the account')
    .addHelpText('after', examples('addresses open --account 0199aa…'))
    .action(setEnforced(false))
}

const setEnforced = (enforced: boolean) => async (of: Of, command: Command) => {
  const standing = await withLatchkey(async (latchkey) => {
    granted(await latchkey.places.enforceAddresses(of.account, enforced))
    return standingOf(latchkey, of.account)
  })
  printMany(command, standing.rules, COLUMNS)
  say(inForce(standing))
}
