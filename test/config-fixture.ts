import { expect } from 'vitest'
import { ConfigError, readConfig } from '../src/config.ts'

export type Settings = Readonly<Record<string, string>>

export const NO_PUBLIC_URL =
  'must be an http or https URL without blanks, credentials, query or fragment; a path in it may have letters, digits, dots, dashes, underscores and tildes'

/** Returns the problems of refused settings: the lines after the first. */
export function listProblems(settings: Settings): string[] {
  try {
    readConfig(settings)
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error
    const [first, ...lines] = error.message.split('\n')
    expect(first).toBe('The configuration has problems:')
    return lines.map((line) => line.trim())
  }
  throw new Error('these settings were taken')
}
