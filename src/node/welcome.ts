import type { Latchkey } from '../compose.ts'
import type { Config } from '../config.ts'
import { FIRST_LINK_MS } from '../service/people/invitation.ts'
import type { Log } from '../service/ports.ts'

/**
 * As long as no operator can sign in: a link for whoever has started the server, which makes one. It is
 * a secret, so that it goes to the terminal and never to the log.
 */
export async function welcomeOperator(
  config: Config,
  { people }: Pick<Latchkey, 'people'>,
  log: Log,
): Promise<void> {
  if (config.console === null) return
  try {
    const invited = await people.inviteFirst(FIRST_LINK_MS)
    if (!invited.ok) return
    process.stderr.write(
      `Nobody can sign in yet. This link makes the first operator, once, within the hour: ` +
        `${invited.value.link} (\`latchkey console link\` prints another)\n`,
    )
  } catch (error) {
    log.warn({ error }, 'no link to the first operator was made; `latchkey console link` makes one')
  }
}
