import { existsSync, readFileSync } from 'node:fs'
import { homedir } from 'node:os'
import { join } from 'node:path'
import type { Command } from 'commander'
import { TokenError, TokenManager, type TokenManagerOptions } from '../../client/client.ts'
import { requireOwnerOnly } from '../draft-files.ts'
import { openTokenDatabase } from '../token-database.ts'
import { CommandFailure } from './command-failure.ts'
import { formatExamples, printOutput } from './print.ts'
import { readSecret } from './terminal.ts'

interface TokenOptions {
  readonly profile: string
  readonly file?: string
  readonly rejectedStdin?: true
}

export function defineTokenCommand(group: Command): void {
  group
    .description(
      'Print an access token that works, for cron jobs of vendors. It is kept beside the file of ' +
        'profiles, and renewed ahead of its end by whichever job comes first.',
    )
    .requiredOption('--profile <name>', 'profile of the file')
    .option('--file <path>', 'file of profiles (default: ~/.config/latchkey/profiles.json)')
    .option(
      '--rejected-stdin',
      'a token that a server answered 401 to, which is replaced. It is read from stdin.',
    )
    .addHelpText('after', PROFILE_HELP)
    .addHelpText(
      'after',
      formatExamples(
        'token --profile nightly',
        'token --profile nightly --rejected-stdin < rejected-token.txt',
      ),
    )
    .action(async ({ profile, file = findDefaultFile(), rejectedStdin }: TokenOptions, command) => {
      const options = readProfile(file, profile)
      const rejected = rejectedStdin ? await readSecret(TOKEN_MAX_BYTES) : undefined
      const store = openTokenDatabase(`${file}.tokens`, profile)
      try {
        const manager = new TokenManager({ ...options, store })
        let accessToken = await manager.token()
        // Another job may have replaced it already.
        if (accessToken === rejected) {
          manager.invalidate(rejected)
          accessToken = await manager.token()
        }
        const expires = new Date(manager.expiresAt ?? 0).toISOString()
        printOutput(command, { accessToken, expires }, () => `${accessToken}\n`)
      } catch (error) {
        if (!(error instanceof TokenError)) throw error
        const isConfiguration = error.code === 'invalid_options'
        throw new CommandFailure(isConfiguration ? 'configuration' : 'failed', error.message, {
          cause: error,
        })
      } finally {
        store.close()
      }
    })
}

/** Longer than a header may be. */
const TOKEN_MAX_BYTES = 65_536

const PROFILE_HELP = `
A profile is the options of a TokenManager of latchkey/client, in JSON. The file must be readable by its
owner only (chmod 600):
  {
    "nightly": {
      "url": "https://api.example",
      "credentials": { "apiKey": "0199aa…", "secret": "…" }
    }
  }`

/** The folder for configuration of the XDG Base Directory Specification. */
function findDefaultFile(): string {
  const folder = process.env.XDG_CONFIG_HOME || join(homedir(), '.config')
  return join(folder, 'latchkey', 'profiles.json')
}

function readProfile(file: string, profile: string): TokenManagerOptions {
  if (!existsSync(file)) {
    throw new CommandFailure(
      'configuration',
      `there is no ${file}: \`latchkey token --help\` shows one`,
    )
  }
  requireOwnerOnly(file, 'the file of profiles')
  const profiles = parseProfiles(file)
  const found = Object.hasOwn(profiles, profile) ? profiles[profile] : undefined
  if (found === undefined) {
    const known = Object.keys(profiles).join(', ') || 'none'
    throw new CommandFailure('not_found', `${file} has no profile ${profile}: it has ${known}`)
  }
  return found
}

function parseProfiles(file: string): Readonly<Record<string, TokenManagerOptions>> {
  try {
    const profiles: unknown = JSON.parse(readFileSync(file, 'utf8'))
    if (typeof profiles === 'object' && profiles !== null && !Array.isArray(profiles)) {
      return profiles as Readonly<Record<string, TokenManagerOptions>>
    }
  } catch (error) {
    // The error itself would quote the file, which has secrets.
    if (!(error instanceof SyntaxError)) throw error
  }
  throw new CommandFailure(
    'configuration',
    `${file} is no JSON object of profiles: \`latchkey token --help\` shows one`,
  )
}
