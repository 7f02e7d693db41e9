import type { Command } from 'commander'
import type { Decision, Explanation } from '../../service/explain.ts'
import { existingPlace } from './database.ts'
import { examples } from './examples.ts'
import { granted } from './failure.ts'
import { withLatchkey } from './opening.ts'
import { type Columns, formatOne, print, time } from './print.ts'

const COLUMNS: Columns<Decision> = [
  ['when', (decision) => time(decision.at)],
  ['from', (decision) => decision.address],
  ['asked', ({ surface, path }) => [surface, path].filter((part) => part !== null).join(' at ')],
  ['key', keyOf],
  ['decision', sentenceOf],
  ['what helps', (decision) => decision.advice],
  ['answered', ({ answer }) => (answer === null ? null : `${answer.status} ${answer.body}`)],
]

export function define(group: Command): void {
  group
    .argument('<request-id>', 'as the answer carried it, or as the log has it')
    .description(
      'Show what was decided about a request, why, and what would help: what a caller is never told.',
    )
    .addHelpText('after', examples('explain 6f2c9bd0-7f0c-4a55-9d43-5f3d0a1b2c3d'))
    .action(async (requestId: string, _: object, command: Command) => {
      existingPlace()
      const explained = await withLatchkey(({ explain }) => explain(requestId.trim().toLowerCase()))
      const explanation = granted(explained)
      print(command, explanation, () => toText(explanation))
    })
}

const toText = ({ decisions }: Explanation): string =>
  decisions.map((decision) => formatOne(decision, COLUMNS)).join('\n')

function keyOf({ key }: Decision): string | null {
  if (key === null) return null
  const { id, name, accountName, accountId } = key
  return `${name} of ${accountName ?? accountId} (${id})`
}

function sentenceOf({ sentence, count }: Decision): string {
  return count === 1 ? sentence : `${sentence} It stands for ${count} alike within a second.`
}
