import { existsSync } from 'node:fs'
import type { Command } from 'commander'
import { readConfig } from '../../config.ts'
import { auditVerdict, explanation as explanationSchema } from '../../operations/audit.ts'
import type { Decision, Explanation } from '../../service/audit/explain.ts'
import type { AuditVerdict } from '../../service/audit/verify.ts'
import { CommandFailure, unwrapResult } from './command-failure.ts'
import { alignRows, formatExamples, formatTime, isJsonRequested, printOutput } from './print.ts'
import { createProgressBar } from './terminal.ts'
import { withLatchkey } from './with-latchkey.ts'

export function defineAuditCommands(group: Command): void {
  group
    .command('verify')
    .description(
      'Verify the whole chain of audit events. Exits with 1 if an event was changed, removed, inserted ' +
        'or moved. Events of the last seconds are not sealed yet.',
    )
    .option('--file <file>', 'verify an exported file with the key ring; no database is opened')
    .addHelpText('after', formatExamples('audit verify', 'audit verify --file audit.jsonl'))
    .action(async ({ file }: { file?: string }, command: Command) => {
      const bar = createProgressBar('events', { quiet: isJsonRequested(command) })
      const verdict = await (file === undefined
        ? verifyDatabase(bar)
        : verifyExportFile(file, bar)
      ).finally(bar.end)
      printOutput(command, auditVerdict.encode(verdict), () => formatVerdict(verdict))
      if (!verdict.whole) process.exitCode = 1
    })

  group
    .command('accept-restore')
    .description(
      'Accept a restored database whose audit ends before events that were signed, so that sealing ' +
        'resumes. Until then, no event is sealed. The command is itself recorded in the audit. If ' +
        'several machines share the database, run it on each.',
    )
    .addHelpText('after', formatExamples('audit accept-restore'))
    .action(async (_: object, command: Command) => {
      const { NO_RESTORE_TO_ACCEPT } = await import('../../service/audit/audit.ts')
      const done = await withLatchkey(({ audit }) => audit.acceptRestore())
      // A script may run this command after every restore.
      if (!done.ok && done.failure.message === NO_RESTORE_TO_ACCEPT) {
        const { message } = done.failure
        printOutput(command, { message }, () => `${message}\n`)
        return
      }
      const accepted = unwrapResult(done)
      const { from, to } = accepted
      const before = from === null ? 'unreadable' : `at event ${from}`
      printOutput(
        command,
        accepted,
        () => `Sealing continues after event ${to}. The previous anchor was ${before}.\n`,
      )
    })

  group
    .command('export <file>')
    .description(
      'Write all sealed events, seals and checkpoints to a file of JSON lines, which `audit verify ' +
        '--file` can verify with the key ring. The file has no secret, but has addresses of callers.',
    )
    .option('--force', 'replace the file')
    .addHelpText('after', formatExamples('audit export audit.jsonl'))
    .action(async (path: string, { force }: { force?: true }, command: Command) => {
      if (existsSync(path) && force !== true) {
        throw new CommandFailure('conflict', `${path} already exists: add --force to replace it`)
      }
      const { writeLines } = await import('../draft-files.ts')
      const bar = createProgressBar('events', { quiet: isJsonRequested(command) })
      const events = await withLatchkey(async ({ audit, sealAudit }) => {
        await sealAudit()
        let written = 0
        const lines = audit.exportLines((done, total) => {
          written++
          bar(done, total)
        })
        await writeLines(path, lines, { overwrite: force === true })
        return written
      }).finally(bar.end)
      printOutput(command, { path, events }, () => `${path}: ${events} events\n`)
    })
}

const verifyDatabase = (bar: (done: number, total: number) => void): Promise<AuditVerdict> =>
  withLatchkey(async ({ audit }) => unwrapResult(await audit.verify(bar)))

async function verifyExportFile(path: string, bar: (done: number, total: number) => void) {
  const { keyringPath } = readConfig(process.env)
  const [
    { readLines },
    { loadRing },
    { nodePrimitives },
    { Keyring },
    { createAuditSigner },
    service,
  ] = await Promise.all([
    import('../draft-files.ts'),
    import('../keyring-file.ts'),
    import('../primitives.ts'),
    import('../../crypto/keyring.ts'),
    import('../../crypto/audit-signer.ts'),
    import('../../service/audit/audit.ts'),
  ])
  if (!existsSync(path)) throw new CommandFailure('not_found', `there is no ${path}`)
  const keyring = new Keyring(nodePrimitives, await loadRing(keyringPath))
  return service.verifyExport(createAuditSigner(nodePrimitives, keyring), readLines(path), bar)
}

function formatVerdict({ whole, events, first, last, anchor, ...details }: AuditVerdict): string {
  const { checkpoints, signedAt } = details
  const range = events === 0 ? 'no events' : `${events} events, numbered ${first} to ${last}`
  const signed =
    signedAt === null
      ? 'no checkpoint'
      : `${checkpoints} ${checkpoints === 1 ? 'checkpoint' : 'checkpoints'}, the last one signed ${formatTime(signedAt)}`
  const state =
    anchor === null
      ? `${range}; ${signed}; no anchor outside the database`
      : `${range}; ${signed}; the anchor is at event ${anchor}`
  if (whole) return `The audit is whole: ${state}.\n`
  const { breaks, breaksFound } = details
  const lines = breaks.map(
    ({ message, eventId }) => `  ${message}${eventId === null ? '' : ` (${eventId})`}\n`,
  )
  const more = breaksFound - breaks.length
  const rest = more > 0 ? `  and ${more} more\n` : ''
  return `The audit is NOT whole: ${state}.\n${lines.join('')}${rest}`
}

export function defineExplainCommand(group: Command): void {
  group
    .argument('<request-id>', 'the id of the response, which is also in the log')
    .description(
      'Show the decision about a request, its reason and how to fix it. Callers are never shown this.',
    )
    .addHelpText('after', formatExamples('explain 6f2c9bd0-7f0c-4a55-9d43-5f3d0a1b2c3d'))
    .action(async (requestId: string, _: object, command: Command) => {
      const result = await withLatchkey(({ audit }) =>
        audit.explain(requestId.trim().toLowerCase()),
      )
      const explanation = unwrapResult(result)
      printOutput(command, explanationSchema.encode(explanation), () =>
        formatExplanation(explanation),
      )
    })
}

const formatExplanation = ({ decisions }: Explanation): string =>
  decisions.map(formatDecision).join('\n')

function formatDecision(decision: Decision): string {
  const { at, address, surface, path, advice, answer } = decision
  return alignRows([
    ['when', formatTime(at)],
    ['from', address],
    ['request', [surface, path].filter((part) => part !== null).join(' at ')],
    ['key', formatKeyName(decision)],
    ['decision', formatSentence(decision)],
    ['advice', advice],
    ['response', answer === null ? null : `${answer.status} ${answer.body}`],
  ])
}

function formatKeyName({ key }: Decision): string | null {
  if (key === null) return null
  const { id, name, accountName, accountId } = key
  return `${name} of ${accountName ?? accountId} (${id})`
}

function formatSentence({ sentence, count }: Decision): string {
  return count === 1 ? sentence : `${sentence} This entry stands for ${count} similar requests.`
}
