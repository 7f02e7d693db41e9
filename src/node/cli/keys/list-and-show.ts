import { type Command, Option } from 'commander'
import { DAY_MS } from '../../../domain/instant.ts'
import type { KeyStatus } from '../../../domain/key.ts'
import type { KeyType } from '../../../domain/key-type.ts'
import type { KeySummary } from '../../../service/ports/keys.ts'
import type { ResourceStorage } from '../../../service/ports/storage.ts'
import { unwrapResult } from '../command-failure.ts'
import { addPageOptions, printPage } from '../paging.ts'
import { formatExamples, formatOne, formatTime, printOutput } from '../print.ts'
import { withLatchkey } from '../with-latchkey.ts'
import { createKeyTypeOption, KEY_ID_HELP } from './options.ts'
import { createDetailColumns, KEY_COLUMNS } from './print-key.ts'

const KEY_STATUSES: readonly KeyStatus[] = ['enabled', 'disabled', 'revoked']

interface ListKeysOptions {
  readonly account?: string
  readonly owner?: string
  readonly developer?: string
  readonly dialect?: KeyType
  readonly status?: KeyStatus
}

export function defineListCommand(group: Command): void {
  addPageOptions(group.command('list'))
    .description('List keys, oldest first. Those whose owner has left say so in their status.')
    .option('--account <id>', 'of this account only')
    .option('--owner <id>', 'of this user only')
    .option('--developer <id>', 'under this developer only')
    .addOption(createKeyTypeOption('of this dialect only'))
    .addOption(new Option('--status <status>', 'of this status only').choices(KEY_STATUSES))
    .addHelpText(
      'after',
      formatExamples(
        'keys list',
        'keys list --account 0199aa… --dialect xdent --status enabled',
        'keys list --json | jq -r .[].publicId',
      ),
    )
    .action(({ account, owner, developer, dialect, status }: ListKeysOptions, command: Command) => {
      const filter = { accountId: account, ownerId: owner, developerId: developer, dialect, status }
      return printPage(command, KEY_COLUMNS, async ({ keys, storage }, page) =>
        addOwnerStates(storage, await keys.list({ ...page, ...filter })),
      )
    })
}

export function defineShowCommand(group: Command): void {
  group
    .command('show')
    .argument('<id>', KEY_ID_HELP)
    .description('Show everything of a key that is not secret, and how it is used.')
    .addHelpText('after', `\nUses are those of the last ${CHART_DAYS} days, a minute late at most.`)
    .addHelpText('after', formatExamples('keys show 0199aa…', 'keys show -- -odd-public-id'))
    .action(async (id: string, _: object, command: Command) => {
      const from = getFirstChartDay(Date.now())
      const { key, uses } = await withLatchkey(async ({ keys, storage }) => {
        const found = unwrapResult(await keys.find(id))
        const [key = { ...found, ownerLeftAt: null }] = await addOwnerStates(storage, [found])
        return { key, uses: await storage.listKeyUses(found.id, from) }
      })
      const usesByDate = uses.map(({ day, uses: count }) => ({
        day: formatUseDay(day),
        uses: count,
      }))
      printOutput(command, { ...key, uses: usesByDate }, () =>
        formatOne(key, [
          ...createDetailColumns(key),
          ['owner left', ({ ownerLeftAt }) => formatTime(ownerLeftAt ?? null)],
          ['uses', () => formatUseChart(uses, from)],
        ]),
      )
    })
}

export type KeyWithOwnerState = KeySummary & {
  /** When the owner was deactivated; null while they are active. */
  readonly ownerLeftAt: number | null
}

/** Reads keys with their owners' deactivation. Looks each owner up once. */
export async function addOwnerStates(
  storage: Pick<ResourceStorage, 'findUser'>,
  keys: readonly KeySummary[],
): Promise<KeyWithOwnerState[]> {
  const leftAt = new Map<string, number | null>()
  for (const ownerId of new Set(keys.map((key) => key.ownerId))) {
    leftAt.set(ownerId, (await storage.findUser(ownerId))?.leftAt ?? null)
  }
  return keys.map((key) => ({ ...key, ownerLeftAt: leftAt.get(key.ownerId) ?? null }))
}

/** The uses of a key on one day; days are counted from 1970, UTC. */
export interface DailyUses {
  readonly day: number
  readonly uses: number
}

export const CHART_DAYS = 30

/** Returns the first day of the chart that ends today. */
export const getFirstChartDay = (now: number): number => Math.floor(now / DAY_MS) - CHART_DAYS + 1

/** Formats 2026-01-31. */
export const formatUseDay = (day: number): string =>
  new Date(day * DAY_MS).toISOString().slice(0, 10)

const CHART_BLOCKS = '▁▂▃▄▅▆▇█'

/**
 * Draws a character for each day from `from` on, scaled to the busiest day. A dot is a day without use,
 * because the lowest bar is more than none.
 */
export function formatUseChart(days: readonly DailyUses[], from: number): string {
  const usesOn = new Map(days.map(({ day, uses }) => [day, uses]))
  const maxUses = Math.max(...usesOn.values())
  const line = Array.from({ length: CHART_DAYS }, (_, n) => {
    const uses = usesOn.get(from + n) ?? 0
    return uses === 0
      ? '·'
      : CHART_BLOCKS.charAt(Math.ceil((uses / maxUses) * CHART_BLOCKS.length) - 1)
  }).join('')
  const sum = days.reduce((total, { uses }) => total + uses, 0)
  return `${line} ${sum} in ${CHART_DAYS} days`
}
