import type { Command } from 'commander'
import type { Handshake } from '../../../service/routes.ts'
import { examples } from '../examples.ts'
import { granted } from '../failure.ts'
import { withLatchkey } from '../opening.ts'
import { print, time } from '../print.ts'
import { alignRows } from '../table.ts'

export function defineVerify(group: Command): void {
  group
    .command('verify <id>')
    .description(
      'Ask it to repeat a challenge, and show the handshake. Exit code 1 where it does not.',
    )
    .addHelpText('after', examples('destinations verify 0199aa…'))
    .action(async (id: string, _: object, command: Command) => {
      const handshake = granted(await withLatchkey(({ routes }) => routes.verify(id)))
      print(command, handshake, () => toText(handshake))
      if (!handshake.verified) process.exitCode = 1
    })
}

function toText({ verified, asked, answered, destination }: Handshake): string {
  return alignRows([
    ['asked', `${asked.method} ${asked.url ?? '-'}`],
    ['answered', answerOf(answered)],
    ['verified', verified ? String(time(destination.verifiedAt)) : 'no, not by this handshake'],
  ])
}

/** Whoever answers may write what he likes: what could move a terminal's cursor is shown as a mark. */
function answerOf(answered: Handshake['answered']): string {
  switch (answered.outcome) {
    case 'delivered':
      return `${answered.status}, ${answered.challenged ? 'with the challenge' : 'without the challenge'}`
    case 'refused':
      return `${answered.status} ${answered.excerpt.replaceAll(/\p{C}/gu, '·')}`.trim()
    case 'failed':
      return `nothing: ${answered.detail}`
    case 'forbidden':
      return `it was not asked: ${answered.detail}${answered.address === undefined ? '' : ` (${answered.address})`}`
  }
}
