import type { Command } from 'commander'
import { examples } from '../examples.ts'
import { granted } from '../failure.ts'
import { withLatchkey } from '../opening.ts'
import { formatOne, print, time } from '../print.ts'
import { detailsOf } from './columns.ts'
import { withOwners } from './owners.ts'
import { DAYS_SHOWN, dateOf, drawUses, firstDay } from './uses.ts'
import { ANY_ID } from './words.ts'

export function defineShow(group: Command): void {
  group
    .command('show')
    .argument('<id>', ANY_ID)
    .description('Show everything of a key that is not secret, and how it is used.')
    .addHelpText('after', `\nUses are those of the last ${DAYS_SHOWN} days, a minute late at most.`)
    .addHelpText('after', examples('keys show 0199aa…', 'keys show -- -odd-public-id'))
    .action(async (id: string, _: object, command: Command) => {
      const from = firstDay(Date.now())
      const { key, uses } = await withLatchkey(async ({ keys, storage }) => {
        const found = granted(await keys.find(id))
        const [key = { ...found, ownerLeftAt: null }] = await withOwners(storage, [found])
        return { key, uses: await storage.listKeyUses(found.id, from) }
      })
      const plain = uses.map(({ day, uses: count }) => ({ day: dateOf(day), uses: count }))
      print(command, { ...key, uses: plain }, () =>
        formatOne(key, [
          ...detailsOf(key),
          ['owner left', ({ ownerLeftAt }) => time(ownerLeftAt ?? null)],
          ['uses', () => drawUses(uses, from)],
        ]),
      )
    })
}
