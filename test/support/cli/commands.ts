import { expect } from 'vitest'
import { KEY_TYPE_NAMES, type KeyType } from '../../../src/domain/key-type.ts'
import { runCli } from '../process.ts'
import { runWarmCli } from './warm-cli.ts'

/** Only a process of its own has a standard input. */
const runWithInput = (args: readonly string[], dir: string, stdin: string) =>
  stdin === '' ? runWarmCli(args, { dir }) : runCli(args, { dir, stdin })

export interface CliRow {
  readonly id: string
  readonly [field: string]: unknown
}

/** Runs a command with --json that must succeed, and returns what it printed. */
export async function runJson<T = CliRow>(
  dir: string,
  args: readonly string[],
  stdin = '',
): Promise<T> {
  const { code, stdout, stderr } = await runWithInput([...args, '--json'], dir, stdin)
  expect(stderr.includes('"error"') ? stderr : '').toBe('')
  expect(code).toBe(0)
  return JSON.parse(stdout) as T
}

/** Runs a list command that must succeed, and returns the items of its page. */
export const runJsonList = async <T = CliRow>(dir: string, args: readonly string[]): Promise<T[]> =>
  (await runJson<{ items: T[] }>(dir, args)).items

export interface CliKeyWithSecret {
  readonly key: CliRow & { readonly publicId: string; readonly status: string }
  readonly secret: string
  readonly credential: { readonly as: string; readonly value: string }
}

export interface CliError {
  readonly code: number | null
  readonly problem: string
  readonly message: string
}

/** Runs a command with --json that must fail and print nothing on stdout, and returns its error. */
export async function runJsonError(
  dir: string,
  args: readonly string[],
  stdin = '',
): Promise<CliError> {
  const { code, stdout, stderr } = await runWithInput([...args, '--json'], dir, stdin)
  expect(stdout).toBe('')
  return { code, ...(JSON.parse(stderr) as { error: Omit<CliError, 'code'> }).error }
}

/** Account, engineer and source: what a key needs. */
export async function seedCliAccount(dir: string) {
  const account = await runJson(dir, ['accounts', 'create', '--name', 'Acme Health'])
  const accountArgs = ['--account', account.id]
  const [owner, source] = await Promise.all([
    runJson(dir, [
      'users',
      'create',
      ...accountArgs,
      '--email',
      'eng@acme.example',
      '--role',
      'engineer',
    ]),
    runJson(dir, ['sources', 'create', ...accountArgs, '--name', 'Acme Source']),
  ])
  return { account, owner, source }
}

/** Creates a Redox key of the account's source. */
export const createSeededKey = (
  dir: string,
  { owner, source }: Awaited<ReturnType<typeof seedCliAccount>>,
): Promise<CliKeyWithSecret> =>
  runJson(dir, [
    ...['keys', 'create', '--key-type', 'redox', '--owner', owner.id],
    ...['--source', source.id, '--name', 'nightly job'],
  ])

/** Options of `keys create` that a key type needs beside the owner. */
export const KEY_TYPE_OWNER_OPTIONS: Readonly<
  Record<KeyType, 'source' | 'site' | 'developer' | null>
> = {
  redox: 'source',
  xenrad: 'site',
  opendental: 'developer',
  'opendental-portal': 'developer',
  xdent: null,
  practice: null,
  oauth: null,
}

export const buildKeyArgs = (keyType: KeyType, owner: string): string[] => [
  ...['keys', 'create', '--key-type', keyType, '--owner', owner, '--name', `${keyType} key`],
  ...(keyType === 'oauth'
    ? ['--authentication-method', 'client_secret_basic', '--scopes', 'fhir:production']
    : []),
]

/** An account with everything that keys can be made for, and a key of each type. */
export async function seedEveryCliKeyType(dir: string) {
  const account = (await runJson(dir, ['accounts', 'create', '--name', 'Acme Health'])).id
  const accountArgs = ['--account', account]
  const createUser = (name: string, ...more: string[]) =>
    runJson(dir, ['users', 'create', ...accountArgs, '--email', `${name}@acme.example`, ...more])
  const [owner, otherUser, site, source, developer] = await Promise.all([
    createUser('dr', '--role', 'engineer', '--username', 'dr.bixby'),
    createUser('eng', '--role', 'engineer'),
    runJson(dir, ['sites', 'create', ...accountArgs, '--name', 'Elm Street']),
    runJson(dir, ['sources', 'create', ...accountArgs, '--name', 'Acme Source']),
    runJson(dir, [
      ...['developers', 'create', ...accountArgs, '--name', 'Acme Dental Apps'],
      ...['--developer-key', 'NFF6i0KrXrxDkZHt'],
    ]),
  ])
  const ids = {
    account,
    owner: owner.id,
    /** Holds keys too, but has no username. */
    otherUser: otherUser.id,
    site: site.id,
    source: source.id,
    developer: developer.id,
  }

  function createKey(
    keyType: KeyType,
    more: readonly string[] = [],
    stdin = '',
  ): Promise<CliKeyWithSecret> {
    const ownerOption = KEY_TYPE_OWNER_OPTIONS[keyType]
    const ownerArgs = ownerOption === null ? [] : [`--${ownerOption}`, ids[ownerOption]]
    return runJson<CliKeyWithSecret>(
      dir,
      [...buildKeyArgs(keyType, ids.owner), ...ownerArgs, ...more],
      stdin,
    )
  }

  const keys = await Promise.all(
    KEY_TYPE_NAMES.map(async (keyType) => [keyType, await createKey(keyType)] as const),
  )
  const createdKeys = Object.fromEntries(keys) as Record<KeyType, CliKeyWithSecret>
  return { ids, createdKeys, createKey, developerKey: String(developer.developerKey) }
}

interface DoctorFinding {
  readonly check: string
  readonly status: string
}

/** A finding that a test is about. A slow or busy machine makes `doctor` warn of argon2, which is none. */
export const isDoctorProblem = ({ check, status }: DoctorFinding): boolean =>
  status !== 'ok' && !(check === 'argon2' && status === 'warn')
