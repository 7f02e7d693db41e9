import { rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Command } from 'commander'
import type { Latchkey } from '../../compose.ts'
import type { Config } from '../../config.ts'
import type { Log } from '../../service/ports/runtime.ts'
import type { SignInStorage } from '../../service/ports/sign-in.ts'
import { unwrapResult } from './command-failure.ts'
import { alignRows, formatExamples, formatTime, printNote } from './print.ts'
import { printOnce, requireOutput } from './terminal.ts'
import { withLatchkey } from './with-latchkey.ts'

/** Holds the link while no operator can sign in and no terminal shows it. */
const FIRST_LINK_FILE = 'first-operator-link'
const LINK_POLL_INTERVAL_MS = 1000

/**
 * Offers a link that creates the first operator, while none can sign in. The link is a secret: a
 * terminal shows it. If stderr is no terminal, it may be a log, so a file gets the link.
 */
export async function offerFirstOperatorLink(
  config: Config,
  {
    users,
    storage,
  }: Pick<Latchkey, 'users'> & { storage: Pick<SignInStorage, 'hasActiveOperator'> },
  log: Log,
  terminal: Pick<NodeJS.WriteStream, 'isTTY' | 'write'> = process.stderr,
): Promise<void> {
  if (config.console === null) return
  const path = join(config.dataDir, FIRST_LINK_FILE)
  try {
    rmSync(path, { force: true })
    const invited = await users.inviteFirstOperator()
    if (!invited.ok) return
    const { link, invitation } = invited.value
    if (terminal.isTTY) {
      terminal.write(
        `Nobody can sign in yet. Open this link within an hour to create the first operator; it works once: ` +
          `${link} (\`latchkey console link\` prints another)\n`,
      )
      return
    }
    writeFileSync(path, `${link}\n`, { mode: 0o600, flag: 'wx' })
    removeLinkWhenUsed(path, invitation.expiresAt, storage, log)
    log.info(
      { path },
      'no user exists yet. Open the link in this file within an hour to create the first operator. ' +
        'The link works once. Run `latchkey console link` to create another one.',
    )
  } catch (error) {
    log.warn(
      { error },
      'the sign-in link of the first operator could not be created. Run `latchkey console link` to create one.',
    )
  }
}

/** Removes the file once an operator can sign in, through any process, or once the link has expired. */
function removeLinkWhenUsed(
  path: string,
  expiresAt: number,
  storage: Pick<SignInStorage, 'hasActiveOperator'>,
  log: Log,
): void {
  const timer = setInterval(async () => {
    try {
      if (Date.now() < expiresAt && !(await storage.hasActiveOperator())) return
      clearInterval(timer)
      rmSync(path, { force: true })
    } catch (error) {
      log.debug({ error, path }, 'Latchkey could not check if the sign-in link was used')
    }
  }, LINK_POLL_INTERVAL_MS)
  timer.unref()
}

export function defineConsoleCommand(group: Command): void {
  group
    .command('link')
    .description(
      'Print a one-time link that creates the first account and its operator. It expires after an hour, and works only while no operator exists.',
    )
    .addHelpText('after', formatExamples('console link', 'console link --json | jq -r .link'))
    .action(async (_: object, command: Command) => {
      requireOutput()
      const result = await withLatchkey(({ users }) => users.inviteFirstOperator(), {
        canCreate: true,
      })
      const { link, invitation } = unwrapResult(result)
      const { userId, expiresAt } = invitation
      const until = formatTime(expiresAt)
      printOnce(
        command,
        { link, userId, expiresAt: until },
        () =>
          alignRows([
            ['link', link],
            ['until', until],
          ]),
        'The link was created but not shown: run `latchkey console link` to create another one',
      )
      printNote(
        'Keep the link private: it sets the password of the operator. It is shown only once.',
      )
    })
}
