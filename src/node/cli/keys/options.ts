import { InvalidArgumentError, Option } from 'commander'
import type { AccessLevel } from '../../../domain/key.ts'
import { KEY_TYPE_NAMES } from '../../../domain/key-type.ts'
import { parseInstant } from '../date-options.ts'

export const KEY_ID_HELP = "the key's id, or its public id (after -- where it begins with a dash)"

export const SECRET_STDIN_HELP =
  'take the secret from standard input; made here where it is left out'

const ACCESS_LEVELS: readonly AccessLevel[] = ['read', 'standard', 'enterprise']

export const createKeyTypeOption = (help: string) =>
  new Option('--dialect <name>', help).choices(KEY_TYPE_NAMES)

export const createAccessLevelOption = () =>
  new Option(
    '--access <level>',
    "read changes nothing; enterprise is opendental's quick pace; redox has standard alone",
  ).choices(ACCESS_LEVELS)

/** Parses an instant, or `never`. (A parser must not return null: commander would make it ''.) */
export function parseExpiry(text: string): number | 'never' {
  if (text === 'never') return text
  try {
    return parseInstant(text)
  } catch (error) {
    if (!(error instanceof InvalidArgumentError)) throw error
    throw new InvalidArgumentError(`${error.message} Or never.`)
  }
}
