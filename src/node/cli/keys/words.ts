import { InvalidArgumentError, Option } from 'commander'
import { DIALECT_NAMES } from '../../../domain/dialect.ts'
import type { Access } from '../../../domain/key.ts'
import { readInstant } from '../instants.ts'

export const ANY_ID = "the key's id, or its public id (after -- where it begins with a dash)"

export const SECRET_STDIN = 'take the secret from standard input; made here where it is left out'

const ACCESSES: readonly Access[] = ['read', 'standard', 'enterprise']

export const dialectOption = (help: string) =>
  new Option('--dialect <name>', help).choices(DIALECT_NAMES)

export const accessOption = () =>
  new Option(
    '--access <level>',
    "read changes nothing; enterprise is opendental's quick pace; redox has standard alone",
  ).choices(ACCESSES)

/** An instant, or `never`. (A parser of commander's must not answer null: it would become ''.) */
export function readExpiry(text: string): number | 'never' {
  if (text === 'never') return text
  try {
    return readInstant(text)
  } catch (error) {
    if (!(error instanceof InvalidArgumentError)) throw error
    throw new InvalidArgumentError(`${error.message} Or never.`)
  }
}
