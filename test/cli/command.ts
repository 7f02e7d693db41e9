import { expect } from 'vitest'
import { runStaying } from '../support/cli/staying.ts'
import { runCli } from '../support/process.ts'

/** Only a process of its own has a standard input. */
const run = (args: readonly string[], dir: string, stdin: string) =>
  stdin === '' ? runStaying(args, { dir }) : runCli(args, { dir, stdin })

export interface Row {
  readonly id: string
  readonly [field: string]: unknown
}

/** Runs a command with --json that must succeed, and answers what it printed. */
export async function ask<T = Row>(dir: string, args: readonly string[], stdin = ''): Promise<T> {
  const { code, stdout, stderr } = await run([...args, '--json'], dir, stdin)
  expect(stderr.includes('"error"') ? stderr : '').toBe('')
  expect(code).toBe(0)
  return JSON.parse(stdout) as T
}

export interface Revealed {
  readonly key: Row & { readonly publicId: string; readonly status: string }
  readonly secret: string
  readonly presented: { readonly as: string; readonly value: string }
}

export interface Refused {
  readonly code: number | null
  readonly problem: string
  readonly message: string
}

/** Runs a command with --json that must fail and print nothing, and answers why it did. */
export async function refused(dir: string, args: readonly string[], stdin = ''): Promise<Refused> {
  const { code, stdout, stderr } = await run([...args, '--json'], dir, stdin)
  expect(stdout).toBe('')
  return { code, ...(JSON.parse(stderr) as { error: Omit<Refused, 'code'> }).error }
}

/** Account, engineer and source: what a key needs. */
export async function seed(dir: string) {
  const account = await ask(dir, ['accounts', 'create', 'Acme Health'])
  const of = ['--account', account.id]
  const [owner, source] = await Promise.all([
    ask(dir, ['users', 'add', ...of, '--email', 'eng@acme.example', '--role', 'engineer']),
    ask(dir, ['sources', 'create', ...of, '--name', 'Acme Source']),
  ])
  return { account, owner, source }
}
