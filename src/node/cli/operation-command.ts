import { Argument, type Command, InvalidArgumentError, Option } from 'commander'
import {
  listMembers,
  type Member,
  type Operation,
  type OperationError,
  type OperationRequest,
} from '../../operations/define.ts'
import type { ActorServices } from '../../service/actor-services.ts'
import type { ServiceResult } from '../../service/service-result.ts'
import { CommandFailure, unwrapResult } from './command-failure.ts'
import {
  formatExamples,
  formatValue,
  isJsonRequested,
  isPlain,
  printNote,
  printOutput,
} from './print.ts'
import { confirmByName, printOnce, readSecret, requireOutput, requireTerminal } from './terminal.ts'
import { withLatchkey } from './with-latchkey.ts'

/** Defines the command of an operation: its arguments, options, help, and action. */
export function defineOperationCommand(
  group: Command,
  operation: Operation,
  groupOperations: readonly Operation[],
): void {
  const members = listMembers(operation)
  const argument = findArgumentMember(operation, members)
  const command = group
    .command(toKebabCase(operation.id.split('.')[1] ?? ''))
    .summary(operation.summary)
    .description(`${operation.summary}.${operation.text === undefined ? '' : ` ${operation.text}`}`)
  if (operation.path.includes('{id}')) command.argument('<id>', 'the id')
  if (argument !== undefined) command.addArgument(createArgument(argument))
  for (const member of members) {
    if (member !== argument && !isStandardInput(member, members)) {
      command.addOption(createOption(member))
    }
  }
  if (operation.isIrreversible || operation.describeImpact !== null) {
    command.option('--yes', 'do not ask for confirmation')
  }
  rejectRepeatedOptions(command)
  command
    .addHelpText('after', formatExamples(...listCommandLines(operation, members, argument)))
    .action(async (...args: unknown[]) => {
      const [id = '', argumentValue] = command.args.length === 0 ? [] : (args as string[])
      if (operation.path.includes('{id}') && id === '') {
        throw new CommandFailure('usage', 'the id must not be empty')
      }
      const input = { query: {} as Input, body: {} as Input }
      for (const member of members) {
        const value =
          member === argument ? argumentValue : command.getOptionValue(toAttributeName(member))
        if (value !== undefined) input[member.part][member.name] = parseMember(member, value)
        if (isSecret(member) && (value === true || isStandardInput(member, members))) {
          input[member.part][member.name] = await readSecret()
        }
      }
      await runCommand(command, operation, groupOperations, id, input)
    })
}

type Input = Record<string, unknown>

async function runCommand(
  command: Command,
  operation: Operation,
  groupOperations: readonly Operation[],
  id: string,
  input: { readonly query: Input; readonly body: Input },
): Promise<void> {
  const invalid = operation.findInputErrors(input)
  if (invalid !== null) throw new CommandFailure('invalid', formatError(invalid))
  if (operation.method === 'patch' && Object.keys(input.body).length === 0) {
    throw new CommandFailure('usage', 'nothing to change: add at least one option')
  }
  const isConfirmed = command.opts<{ yes?: true }>().yes === true
  if (operation.isIrreversible && !isConfirmed) {
    requireTerminal(operation.summary, FINAL_IMPACT)
  }
  if (operation.formatRecovery !== null && input.body.secret === undefined) requireOutput()
  // A new installation begins with its first account.
  const canCreate = operation.id === 'accounts.create'
  const value = await withLatchkey(
    async (latchkey) => {
      const context = {
        services: latchkey.servicesFor({ actor: 'operator', role: 'operator', accountId: null }),
        signedIn: null,
        caller: { address: '', requestId: crypto.randomUUID(), path: operation.id },
        signal: new AbortController().signal,
        loadTestMessages: latchkey.loadTestMessages,
        id,
      }
      const impact = operation.isIrreversible
        ? FINAL_IMPACT
        : await operation.describeImpact?.({ ...context, ...input })
      if (typeof impact === 'string' && !isConfirmed) {
        await confirm(operation, groupOperations, context, impact)
      }
      const result = await perform(operation, { ...context, ...input })
      if (isEmptyList(result)) await requireFilters(context.services, input.query)
      return result
    },
    { canCreate },
  )
  printResult(command, operation, id, value)
}

const FINAL_IMPACT = 'this cannot be undone'

function isEmptyList(value: unknown): boolean {
  const { items } = (value ?? {}) as { items?: unknown }
  return Array.isArray(items) && items.length === 0
}

/** Requires that the rows exist by which a list is filtered: a wrong id must not look like an empty list. */
async function requireFilters(services: ActorServices, query: Input): Promise<void> {
  const { accounts, users, sites, developers, sources, destinations } = services
  const filters: [string, { find(id: string): Promise<ServiceResult<unknown>> }][] = [
    ['accountId', accounts],
    ['ownerId', users],
    ['siteId', sites],
    ['developerId', developers],
    ['sourceId', sources],
    ['destinationId', destinations],
  ]
  for (const [name, { find }] of filters) {
    if (typeof query[name] === 'string') unwrapResult(await find(query[name]))
  }
}

/** Runs an operation, and fails the command with its error. */
async function perform(operation: Operation, request: OperationRequest): Promise<unknown> {
  const result = await operation.perform(request)
  if (result.ok) return result.value
  throw new CommandFailure(
    result.failure.problem,
    // A service names the member that helps, as in `(otherRegion)`.
    formatError(result.failure).replace(/\((\w+)\)$/, (whole, name) =>
      listMembers(operation).some((member) => member.name === name)
        ? `(--${toOptionName(name)})`
        : whole,
    ),
  )
}

const formatError = (error: OperationError): string =>
  'errors' in error
    ? error.errors
        .map(({ path: [name, ...rest], detail }) =>
          [name === undefined ? '' : `--${toOptionName(name)}`, ...rest, detail].join(' ').trim(),
        )
        .join('; ')
    : error.message

/** Asks the user to type the name of the row that the operation changes. */
async function confirm(
  operation: Operation,
  groupOperations: readonly Operation[],
  context: Omit<OperationRequest, 'query' | 'body'>,
  impact: string,
): Promise<void> {
  const show = groupOperations.find(({ id, method }) => id.endsWith('.show') && method === 'get')
  const found = show && (await perform(show, { ...context, query: {}, body: {} }))
  const { name, email } = (found ?? {}) as { name?: string; email?: string }
  requireTerminal(operation.summary, impact)
  await confirmByName(operation.summary, impact, name ?? email ?? (context.id || 'yes'))
}

function printResult(command: Command, operation: Operation, id: string, value: unknown): void {
  const result = operation.response === null ? { id, deleted: true } : value
  const format = () => formatValue(result, operation.columns)
  const recovery = operation.formatRecovery?.(result)
  if (recovery === undefined || !hasSecret(result)) printOutput(command, result, format)
  else {
    printOnce(command, result, format, `To get what it showed, run \`${recovery}\``)
    printNote(`Keep this. If it is lost, run \`${recovery}\`.`)
  }
  const note = operation.note?.(result) ?? null
  if (note !== null) printNote(note)
  const { next } = result as { next?: string | null }
  if (typeof next === 'string' && !isJsonRequested(command)) {
    printNote(`There is more: ${formatNextCommand(process.argv.slice(2), next)}`)
  }
  if (!operation.isSuccess(result)) process.exitCode = 1
}

const hasSecret = (result: unknown) =>
  typeof result === 'object' && result !== null && !('secret' in result && result.secret === null)

/** Formats the same command line with another cursor. */
function formatNextCommand(args: readonly string[], after: string): string {
  const rest = args.filter(
    (arg, n) => arg !== '--after' && !arg.startsWith('--after=') && args[n - 1] !== '--after',
  )
  return ['latchkey', ...rest, '--after', after].map(quoteArgument).join(' ')
}

const quoteArgument = (arg: string) =>
  /^[\w@%+=:,./-]+$/.test(arg) ? arg : `'${arg.replaceAll("'", "'\\''")}'`

/** The argument after the id: the only required member of a body. */
function findArgumentMember({ path }: Operation, members: readonly Member[]): Member | undefined {
  const [member, ...others] = members.filter(
    ({ part, isRequired }) => part === 'body' && isRequired,
  )
  return path.includes('{id}') && others.length === 0 && member !== undefined && !isSecret(member)
    ? member
    : undefined
}

const isSecret = ({ schema }: Member) => schema.format === 'password'

/** A required secret is always on standard input. */
const isStandardInput = (member: Member, members: readonly Member[]) =>
  isSecret(member) && member.isRequired && members.filter(isSecret).length === 1

/** The last of two values would win without a word. */
function rejectRepeatedOptions(command: Command): void {
  const seen = new Set<string>()
  for (const option of command.options) {
    command.on(`option:${option.name()}`, () => {
      if (seen.has(option.name())) {
        throw new CommandFailure('usage', `--${option.name()} is given twice`)
      }
      seen.add(option.name())
    })
  }
}

function createArgument(member: Member): Argument {
  const argument = new Argument(`<${toOptionName(member.name)}>`, describeMember(member))
  const choices = listChoices(member)
  return choices.length > 0 ? argument.choices(choices) : argument
}

function createOption(member: Member): Option {
  const name = toOptionName(member.name)
  const help = describeMember(member)
  if (isSecret(member)) return new Option(`--${name}-stdin`, `${help}. It is read from stdin.`)
  const choices = listChoices(member)
  if (member.schema.type === 'boolean' && choices.length === 0) return new Option(`--${name}`, help)
  const option = new Option(`--${name} <${getPlaceholder(member)}>`, help)
  if (choices.length > 0) option.choices(choices)
  return member.isRequired ? option.makeOptionMandatory() : option
}

function describeMember({ name, schema }: Member): string {
  const { description, default: fallback } = schema
  const noun = formatNoun(name)
  const text = (description ?? (isReference(name) ? `id of the ${noun}` : noun))
    .replaceAll('`', '')
    .replace('; null for never', `, or ${NEVER}`)
    .concat(name.endsWith('Seconds') ? ', such as 90s, 30m, 24h or 7d' : '')
  const first = text.charAt(0).toLowerCase() + text.slice(1)
  return fallback === undefined ? first : `${first} (default: ${fallback})`
}

const formatNoun = (name: string) => toOptionName(name).replaceAll('-', ' ')

const listChoices = ({ schema }: Member): string[] =>
  schema.enum?.filter((value) => value !== null).map(String) ?? []

const NEVER = 'never'

function getPlaceholder(member: Member): string {
  const { name, schema } = member
  if (name === 'id') return 'uuid'
  if (name === 'after') return 'cursor'
  if (isReference(name)) return 'id'
  if (name.endsWith('Seconds')) return 'duration'
  if (isInstant(member)) return 'date'
  if (schema.type === 'integer') return 'n'
  return toOptionName(name).split('-').at(-1) ?? name
}

const isInstant = ({ schema }: Member) => schema.format === 'date-time' || schema.format === 'date'

/** Converts the text of an option to the JSON value of its member. */
function parseMember(member: Member, value: unknown): unknown {
  const { name, part, schema } = member
  if (typeof value !== 'string') return value
  // An optional text may be empty: it clears a description.
  if (value === '' && (member.isRequired || isReference(name))) {
    throw new CommandFailure('usage', `the ${formatNoun(name)} must not be empty`)
  }
  try {
    if (name.endsWith('Seconds')) return parseDuration(value) / 1000
    if (isInstant(member)) {
      if (value === NEVER && schema.type?.includes('null')) return null
      const text = new Date(parseInstant(value)).toISOString()
      return schema.format === 'date' ? text.slice(0, 10) : text
    }
  } catch (error) {
    if (!(error instanceof InvalidArgumentError)) throw error
    throw new CommandFailure('usage', `--${toOptionName(name)}: ${error.message}`)
  }
  return part === 'body' && schema.type === 'integer' ? Number(value) : value
}

const REFERENCES = [
  'account',
  'owner',
  'source',
  'site',
  'developer',
  'destination',
  'subscription',
]

const isReference = (name: string) => name.endsWith('Id') && REFERENCES.includes(name.slice(0, -2))

/** `accountId` is --account, `overlapSeconds` is --overlap, which takes a duration. */
function toOptionName(name: string): string {
  return toKebabCase(isReference(name) ? name.slice(0, -2) : name.replace(/Seconds$/, ''))
}

const toAttributeName = (member: Member) => createOption(member).attributeName()

const toKebabCase = (name: string) =>
  name.replaceAll(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)

/** Lists the command lines of the help: those of the bodies' examples, and the operation's own. */
function listCommandLines(
  operation: Operation,
  members: readonly Member[],
  argument: Member | undefined,
): string[] {
  const [group = '', verb = ''] = operation.id.split('.')
  const start = `${group} ${toKebabCase(verb)}${operation.path.includes('{id}') ? ' 0199aa…' : ''}`
  const bodies = Object.values(operation.examples) as Input[]
  const yes = operation.isIrreversible ? ' --yes' : ''
  const lines = (bodies.length === 0 ? [{}] : bodies).map((body) =>
    [start + yes, ...members.flatMap((member) => formatExampleOption(member, body, argument))].join(
      ' ',
    ),
  )
  const needsQuery = members.some(({ part, isRequired }) => part === 'query' && isRequired)
  return [...(needsQuery && operation.commandLines ? [] : lines), ...(operation.commandLines ?? [])]
}

/** Examples name different resources by different ids. */
const EXAMPLE_ID_LETTERS = ['bb', 'cc', 'dd']

function formatExampleOption(member: Member, body: Input, argument: Member | undefined): string[] {
  const { name, part, isRequired } = member
  if (name === 'id' || name === 'seen') return []
  const value = part === 'query' && isRequired ? member.schema.example : body[name]
  const references = Object.keys(body).filter(isReference)
  if (value === undefined) return []
  if (isSecret(member))
    return isRequired ? ['< secret.txt'] : [`--${toOptionName(name)}-stdin < secret.txt`]
  const text = isReference(name)
    ? `0199${EXAMPLE_ID_LETTERS[references.indexOf(name)] ?? 'bb'}…`
    : formatExampleValue(member, value)
  if (member === argument) return [text]
  return value === true ? [`--${toOptionName(name)}`] : [`--${toOptionName(name)} ${text}`]
}

function formatExampleValue(member: Member, value: unknown): string {
  if (value === null) return NEVER
  if (isInstant(member)) return String(value).slice(0, 10)
  if (member.name.endsWith('Seconds')) return `${Number(value) / 3600}h`
  const text = isPlain(value) ? String(value) : JSON.stringify(value)
  return /^[\w@.:/-]+$/.test(text) ? text : JSON.stringify(text)
}

const UNIT_MS: Readonly<Record<string, number>> = {
  s: 1000,
  m: 60_000,
  h: 3_600_000,
  d: 86_400_000,
}

/** Parses `90s`, `30m`, `24h` or `7d` into milliseconds. */
export function parseDuration(text: string): number {
  const [, count, unit = ''] = /^(\d{1,6})([smhd])$/.exec(text) ?? []
  const ms = Number(count) * (UNIT_MS[unit] ?? 0)
  if (!(ms > 0))
    throw new InvalidArgumentError('It must be a duration such as 90s, 30m, 24h or 7d.')
  return ms
}

const DATE_PATTERN = /^(\d{4}-\d\d-\d\d)(T\d\d:\d\d(:\d\d(\.\d{1,3})?)?(Z|[+-]\d\d:\d\d))?$/

/** Parses an ISO 8601 date (its first moment, UTC), or a date and time with a zone, into epoch ms. */
export function parseInstant(text: string): number {
  const [, date = ''] = DATE_PATTERN.exec(text) ?? []
  const at = Date.parse(text)
  // Date.parse reads 30 February as 2 March.
  const day = Date.parse(date)
  if (Number.isNaN(at) || Number.isNaN(day) || new Date(day).toISOString().slice(0, 10) !== date) {
    throw new InvalidArgumentError(
      'It must be an ISO date: 2027-01-31, or with time and zone 2027-01-31T12:00Z.',
    )
  }
  return at
}
