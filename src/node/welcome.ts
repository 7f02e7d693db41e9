import { rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Latchkey } from '../compose.ts'
import type { Config } from '../config.ts'
import { FIRST_LINK_MS } from '../service/people/invitation.ts'
import type { Log } from '../service/ports.ts'

/** Holds the link while nobody can sign in and no terminal shows it. */
const FIRST_LINK_FILE = 'first-operator-link'

/**
 * As long as no operator can sign in: a link for whoever has started the server, which makes one. It is
 * a secret: a terminal shows it. If stderr is no terminal, it may be a log, so a file gets the link.
 */
export async function welcomeOperator(
  config: Config,
  { people }: Pick<Latchkey, 'people'>,
  log: Log,
  terminal: Pick<NodeJS.WriteStream, 'isTTY' | 'write'> = process.stderr,
): Promise<void> {
  if (config.console === null) return
  const path = join(config.dataDir, FIRST_LINK_FILE)
  try {
    rmSync(path, { force: true })
    const invited = await people.inviteFirst(FIRST_LINK_MS)
    if (!invited.ok) return
    const { link } = invited.value
    if (terminal.isTTY) {
      terminal.write(
        `Nobody can sign in yet. Open this link within an hour to create the first operator; it works once: ` +
          `${link} (\`latchkey console link\` prints another)\n`,
      )
      return
    }
    writeFileSync(path, `${link}\n`, { mode: 0o600, flag: 'wx' })
    log.info(
      { path },
      'nobody can sign in yet: open the link in this file within an hour to create the first operator; ' +
        'it works once; `latchkey console link` prints another',
    )
  } catch (error) {
    log.warn({ error }, 'no link to the first operator was made; `latchkey console link` makes one')
  }
}
