import type { Command } from 'commander'
import { explanation as explanationSchema } from '../../operations/audit.ts'
import type { Decision, Explanation } from '../../service/audit/explain.ts'
import { unwrapResult } from './command-failure.ts'
import { type Columns, formatExamples, formatOne, formatTime, printOutput } from './print.ts'
import { withLatchkey } from './with-latchkey.ts'

const DECISION_COLUMNS: Columns<Decision> = [
  ['when', (decision) => formatTime(decision.at)],
  ['from', (decision) => decision.address],
  ['request', ({ surface, path }) => [surface, path].filter((part) => part !== null).join(' at ')],
  ['key', formatKeyName],
  ['decision', formatSentence],
  ['advice', (decision) => decision.advice],
  ['response', ({ answer }) => (answer === null ? null : `${answer.status} ${answer.body}`)],
]

export function defineExplainCommand(group: Command): void {
  group
    .argument('<request-id>', 'the id of the response, which is also in the log')
    .description(
      'Show the decision about a request, its reason and how to fix it. Callers are never shown this.',
    )
    .addHelpText('after', formatExamples('explain 6f2c9bd0-7f0c-4a55-9d43-5f3d0a1b2c3d'))
    .action(async (requestId: string, _: object, command: Command) => {
      const result = await withLatchkey(({ explain }) => explain(requestId.trim().toLowerCase()))
      const explanation = unwrapResult(result)
      printOutput(command, explanationSchema.encode(explanation), () =>
        formatExplanation(explanation),
      )
    })
}

const formatExplanation = ({ decisions }: Explanation): string =>
  decisions.map((decision) => formatOne(decision, DECISION_COLUMNS)).join('\n')

function formatKeyName({ key }: Decision): string | null {
  if (key === null) return null
  const { id, name, accountName, accountId } = key
  return `${name} of ${accountName ?? accountId} (${id})`
}

function formatSentence({ sentence, count }: Decision): string {
  return count === 1 ? sentence : `${sentence} This entry stands for ${count} similar requests.`
}
