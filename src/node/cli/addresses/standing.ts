import type { Latchkey } from '../../../compose.ts'
import { parseNetwork } from '../../../domain/address.ts'
import type { Account, AddressRule } from '../../../service/ports.ts'
import { granted } from '../failure.ts'

/** An account's switch and its list. */
export interface Standing {
  readonly account: Account
  readonly rules: readonly AddressRule[]
}

export async function standingOf(
  { accounts, places }: Pick<Latchkey, 'accounts' | 'places'>,
  accountId: string,
): Promise<Standing> {
  const account = granted(await accounts.find(accountId))
  return { account, rules: await places.listAddresses(account.id) }
}

/**
 * Who may use the account's keys. Nobody here can know from where they are used, and so whether a list
 * locks anyone out: the sentence says what holds, for a person to judge.
 */
export function inForce({ account, rules }: Standing): string {
  const keys = `keys of ${account.name} work from`
  if (!account.addressesEnforced) return `Not enforced: ${keys} anywhere.`
  if (rules.length === 0) return `Enforced, but the list is empty: ${keys} anywhere.`
  return `Enforced: ${keys} ${rules.map(({ network }) => network).join(', ')} only.`
}

/** The rule of the list that a person means: by its id, or by its network however it is written. */
export function ruleOf({ rules }: Standing, text: string): AddressRule | undefined {
  const wanted = parseNetwork(text)
  return rules.find((rule) => {
    const network = parseNetwork(rule.network)
    return (
      rule.id === text ||
      (wanted?.bits === network?.bits &&
        wanted?.family === network?.family &&
        wanted?.prefix === network?.prefix)
    )
  })
}
