import type { Command } from 'commander'
import type { Latchkey } from '../../../compose.ts'
import { traitsOf } from '../../../domain/dialect.ts'
import type { Revealed } from '../../../service/keys/find.ts'
import { printOnce } from '../output.ts'
import { formatOne, print, printOne, say } from '../print.ts'
import { detailsOf } from './columns.ts'

/** A key, its secret, and the secret as a vendor's program sends it. */
export type Presentable = Revealed & { readonly presented: { as: string; value: string } }

/** A key's secret under its developer's key, or after its owner's username: as its dialect has it. */
export async function presentable(
  { storage, presented }: Latchkey,
  { key, secret }: Revealed,
): Promise<Presentable> {
  const { dialect, publicId, developerId, ownerId } = key
  const developer = developerId === null ? null : await storage.findDeveloper(developerId)
  const owner = await storage.findUser(ownerId)
  const developerKey = developer?.developerKey ?? ''
  const username = owner?.username ?? ''
  return {
    key,
    secret,
    presented: presented(dialect, { publicId, secret, developerKey, username }),
  }
}

export function printRevealed(command: Command, revealed: Presentable): void {
  print(command, revealed, () => formatRevealed(revealed))
}

const formatRevealed = ({ key, secret, presented }: Presentable): string =>
  formatOne(key, [
    ...detailsOf(key),
    ['secret', () => secret],
    ['presented as', () => `${presented.as}: ${presented.value}`],
  ])

/** A secret that was made here is shown; one that was brought along is known already. */
export function printNew(command: Command, revealed: Presentable, supplied: boolean): void {
  const { key } = revealed
  if (supplied) {
    print(command, { key }, () => formatOne(key, detailsOf(key)))
    return
  }
  const canBeViewed = traitsOf(key.dialect).secret === 'viewable'
  const remedy = canBeViewed
    ? `run \`latchkey keys view ${key.id}\` to see it`
    : `run \`latchkey keys rotate-secret ${key.id}\` for another one`
  const ifLost = `The key ${key.id} has a new secret, which was not shown: ${remedy}`
  printOnce(command, revealed, () => formatRevealed(revealed), ifLost)
  say(
    canBeViewed
      ? 'Whoever reads the secret can use it. `latchkey keys view` shows it again.'
      : 'The secret is shown only now: keep it where its user will read it.',
  )
}

export const printKey = (command: Command, key: Revealed['key']): void =>
  printOne(command, key, detailsOf(key))
