import type { Command } from 'commander'
import type { Latchkey } from '../../compose.ts'
import { parseIpNetwork } from '../../domain/ip-network.ts'
import type { Account, AllowlistEntry } from '../../service/ports/accounts.ts'
import { CommandFailure, unwrapResult } from './command-failure.ts'
import {
  type Columns,
  formatExamples,
  formatTime,
  printMany,
  printNote,
  printOne,
} from './print.ts'
import { withLatchkey } from './with-latchkey.ts'

const ADDRESS_RULE_COLUMNS: Columns<AllowlistEntry> = [
  ['id', (rule) => rule.id],
  ['network', (rule) => rule.network],
  ['note', (rule) => rule.note || null],
  ['created', (rule) => formatTime(rule.createdAt)],
]

interface AccountOption {
  readonly account: string
}

export function defineCommands(group: Command): void {
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
      formatExamples('addresses add 203.0.113.0/24 --account 0199aa… --note "head office"'),
    )
    .action(
      async (network: string, options: AccountOption & { note?: string }, command: Command) => {
        const input = { accountId: options.account, network, note: options.note }
        const { rule, allowlist } = await withLatchkey(async (latchkey) => ({
          rule: unwrapResult(await latchkey.ipAllowlist.add(input)),
          allowlist: await readAllowlist(latchkey, options.account),
        }))
        printOne(command, rule, ADDRESS_RULE_COLUMNS)
        printNote(formatAllowlistState(allowlist))
      },
    )

  group
    .command('list')
    .description("List an account's addresses, and say whether they are enforced.")
    .requiredOption('--account <id>', 'the account')
    .addHelpText('after', formatExamples('addresses list --account 0199aa…'))
    .action(async ({ account }: AccountOption, command: Command) => {
      const allowlist = await withLatchkey((latchkey) => readAllowlist(latchkey, account))
      printMany(command, allowlist.rules, ADDRESS_RULE_COLUMNS)
      printNote(formatAllowlistState(allowlist))
    })

  group
    .command('remove')
    .argument('<network>', 'one of the list, or its id there')
    .description("Take an address or a network off an account's list.")
    .requiredOption('--account <id>', 'the account')
    .addHelpText('after', formatExamples('addresses remove 203.0.113.0/24 --account 0199aa…'))
    .action(async (network: string, { account }: AccountOption, command: Command) => {
      const { rule, allowlist } = await withLatchkey(async (latchkey) => {
        const rule = findRule(await readAllowlist(latchkey, account), network)
        if (rule === undefined) {
          throw new CommandFailure('not_found', `${network} is not on the list of ${account}`)
        }
        unwrapResult(await latchkey.ipAllowlist.delete(rule.id))
        return { rule, allowlist: await readAllowlist(latchkey, account) }
      })
      printOne(command, rule, ADDRESS_RULE_COLUMNS)
      printNote(formatAllowlistState(allowlist))
    })

  group
    .command('enforce')
    .description('Let the keys of an account work from the listed addresses only.')
    .requiredOption('--account <id>', 'the account')
    .addHelpText('after', formatExamples('addresses enforce --account 0199aa…'))
    .action(createEnforceAction(true))

  group
    .command('open')
    .description('Undo enforce: the keys work from anywhere. The list is kept.')
    .requiredOption('--account <id>', 'the account')
    .addHelpText('after', formatExamples('addresses open --account 0199aa…'))
    .action(createEnforceAction(false))
}

const createEnforceAction =
  (enforced: boolean) => async (options: AccountOption, command: Command) => {
    const allowlist = await withLatchkey(async (latchkey) => {
      unwrapResult(await latchkey.ipAllowlist.setEnforced(options.account, enforced))
      return readAllowlist(latchkey, options.account)
    })
    printMany(command, allowlist.rules, ADDRESS_RULE_COLUMNS)
    printNote(formatAllowlistState(allowlist))
  }

/** Prints an account's IP allowlist, and if it is enforced. */
export interface AccountAllowlist {
  readonly account: Account
  readonly rules: readonly AllowlistEntry[]
}

export async function readAllowlist(
  { accounts, ipAllowlist }: Pick<Latchkey, 'accounts' | 'ipAllowlist'>,
  accountId: string,
): Promise<AccountAllowlist> {
  const account = unwrapResult(await accounts.find(accountId))
  return { account, rules: await ipAllowlist.list(account.id) }
}

/**
 * Describes who may use the account's keys. The command line cannot know the callers' addresses, so the
 * operator must judge if the list locks anyone out.
 */
export function formatAllowlistState({ account, rules }: AccountAllowlist): string {
  const keys = `keys of ${account.name} work from`
  if (!account.addressesEnforced) return `Not enforced: ${keys} anywhere.`
  if (rules.length === 0) return `Enforced, but the list is empty: ${keys} anywhere.`
  return `Enforced: ${keys} ${rules.map(({ network }) => network).join(', ')} only.`
}

/** Finds the entry by its id, or by its network in any notation. */
export function findRule({ rules }: AccountAllowlist, text: string): AllowlistEntry | undefined {
  const searched = parseIpNetwork(text)
  return rules.find((rule) => {
    const network = parseIpNetwork(rule.network)
    return (
      rule.id === text ||
      (searched?.bits === network?.bits &&
        searched?.family === network?.family &&
        searched?.prefix === network?.prefix)
    )
  })
}
