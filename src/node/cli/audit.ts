import { existsSync } from 'node:fs'
import type { Command } from 'commander'
import { readConfig } from '../../config.ts'
import type { AuditEvent, EventFilter } from '../../service/ports.ts'
import type { Verdict } from '../../service/verify-chain.ts'
import { existingPlace } from './database.ts'
import { examples } from './examples.ts'
import { CommandFailure, granted } from './failure.ts'
import { readInstant } from './instants.ts'
import { withLatchkey } from './opening.ts'
import { list, paged } from './paging.ts'
import { type Columns, print, time, wantsJson } from './print.ts'
import { progressBar } from './progress.ts'

const COLUMNS: Columns<AuditEvent> = [
  ['at', (event) => time(event.at)],
  ['actor', (event) => event.actor],
  ['action', (event) => event.action],
  ['subject', (event) => event.subject],
  ['request', (event) => event.requestId],
  [
    'facts',
    ({ facts }) =>
      Object.entries(facts)
        .map(([name, value]) => `${name}=${value}`)
        .join(' '),
  ],
]

export function define(group: Command): void {
  paged(group.command('list'))
    .description('List what happened, newest first.')
    .option('--subject <id>', 'to this account, user, source, destination, key or grant only')
    .option('--actor <id>', 'by this key, or by `operator`, only')
    .option('--action <name>', 'only this: key.refused, token.issued, key.revoked, …')
    .option('--since <date>', 'from then on: 2027-01-31, or 2027-01-31T12:00Z', readInstant)
    .option('--until <date>', 'before then', readInstant)
    .addHelpText(
      'after',
      examples(
        'audit list --limit 20',
        'audit list --subject 0199aa…',
        'audit list --action key.refused --since 2027-01-31',
      ),
    )
    .action(({ subject, actor, action, since, until }: EventFilter, command: Command) =>
      list(command, COLUMNS, ({ audit }, page) =>
        audit.list({ ...page, subject, actor, action, since, until }),
      ),
    )

  group
    .command('verify')
    .description(
      'Read the whole chain of events and say whether any was changed, taken out, put in or moved. ' +
        'Exit 1 where one was. What happened in the last seconds has no seal yet.',
    )
    .option('--file <file>', 'an exported one, with the key ring alone: no database is opened')
    .addHelpText('after', examples('audit verify', 'audit verify --file audit.jsonl'))
    .action(async ({ file }: { file?: string }, command: Command) => {
      const bar = progressBar('events', { quiet: wantsJson(command) })
      const verdict = await (file === undefined ? verify(bar) : verifyFile(file, bar)).finally(
        bar.end,
      )
      print(command, verdict, () => toText(verdict))
      if (!verdict.whole) process.exitCode = 1
    })

  group
    .command('accept-restore')
    .description(
      'Accept a restored database whose audit ends before events that were signed, so that sealing ' +
        'resumes. Until then, no event is sealed. The command is itself recorded in the audit. If ' +
        'several machines share the database, run it on each.',
    )
    .addHelpText('after', examples('audit accept-restore'))
    .action(async (_: object, command: Command) => {
      existingPlace()
      const { NOTHING_TO_ACCEPT } = await import('../../service/audit.ts')
      const done = await withLatchkey(({ audit }) => audit.acceptRestore())
      // A script may run it after every restore.
      if (!done.ok && done.failure.message === NOTHING_TO_ACCEPT) {
        const { message } = done.failure
        print(command, { message }, () => `${message}\n`)
        return
      }
      const accepted = granted(done)
      const { from, to } = accepted
      const before = from === null ? 'unreadable' : `at event ${from}`
      print(
        command,
        accepted,
        () => `Sealing continues after event ${to}. The previous anchor was ${before}.\n`,
      )
    })

  group
    .command('export <file>')
    .description(
      'Write all sealed events to a file of JSON lines, with their seals and checkpoints: what ' +
        '`audit verify --file` needs beside the key ring. It holds no secret, but says who came from where.',
    )
    .option('--force', 'replace the file')
    .addHelpText('after', examples('audit export audit.jsonl'))
    .action(async (path: string, { force }: { force?: true }, command: Command) => {
      existingPlace()
      if (existsSync(path) && force !== true) {
        throw new CommandFailure('conflict', `${path} is there already: add --force to replace it`)
      }
      const { writeLines } = await import('../audit-file.ts')
      const bar = progressBar('events', { quiet: wantsJson(command) })
      const events = await withLatchkey(async ({ audit, seal }) => {
        await seal()
        let written = 0
        const lines = audit.lines((done, all) => {
          written++
          bar(done, all)
        })
        await writeLines(path, lines, { overwrite: force === true })
        return written
      }).finally(bar.end)
      print(command, { path, events }, () => `${path}: ${events} events\n`)
    })
}

function verify(bar: (done: number, all: number) => void): Promise<Verdict> {
  existingPlace()
  return withLatchkey(async ({ audit }) => granted(await audit.verify(bar)))
}

async function verifyFile(path: string, bar: (done: number, all: number) => void) {
  const { keyringPath } = readConfig(process.env)
  const [{ readLines }, { loadRing }, { nodePrimitives }, { Keyring }, { createNotary }, service] =
    await Promise.all([
      import('../audit-file.ts'),
      import('../keyring-file.ts'),
      import('../primitives.ts'),
      import('../../crypto/keyring.ts'),
      import('../../crypto/notary.ts'),
      import('../../service/audit.ts'),
    ])
  if (!existsSync(path)) throw new CommandFailure('not_found', `there is no ${path}`)
  const keyring = new Keyring(nodePrimitives, await loadRing(keyringPath))
  return service.verifyLines(createNotary(nodePrimitives, keyring), readLines(path), bar)
}

function toText({ whole, events, first, last, anchor, ...found }: Verdict): string {
  const { checkpoints, signedAt } = found
  const range = events === 0 ? 'no events' : `${events} events, numbered ${first} to ${last}`
  const signed =
    signedAt === null
      ? 'no checkpoint'
      : `${checkpoints} ${checkpoints === 1 ? 'checkpoint' : 'checkpoints'}, the last one signed ${time(signedAt)}`
  const state =
    anchor === null
      ? `${range}; ${signed}; no anchor outside the database`
      : `${range}; ${signed}; the anchor is at event ${anchor}`
  if (whole) return `The audit is whole: ${state}.\n`
  const { breaks, breaksFound } = found
  const lines = breaks.map(
    ({ message, eventId }) => `  ${message}${eventId === null ? '' : ` (${eventId})`}\n`,
  )
  const more = breaksFound - breaks.length
  const rest = more > 0 ? `  and ${more} more\n` : ''
  return `THE AUDIT IS BROKEN: ${state}.\n${lines.join('')}${rest}`
}
