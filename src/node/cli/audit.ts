import type { Command } from 'commander'
import type { AuditEvent } from '../../service/ports.ts'
import { examples } from './examples.ts'
import { list, paged } from './paging.ts'
import { type Columns, time } from './print.ts'

const COLUMNS: Columns<AuditEvent> = [
  ['at', (event) => time(event.at)],
  ['actor', (event) => event.actor],
  ['action', (event) => event.action],
  ['subject', (event) => event.subject],
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
    .addHelpText('after', examples('audit list --limit 20', 'audit list --subject 0199aa…'))
    .action(({ subject }: { subject?: string }, command: Command) =>
      list(command, COLUMNS, ({ storage }, page) => storage.listEvents({ ...page, subject })),
    )
}
