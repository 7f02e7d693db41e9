import { Argument, type Command, InvalidArgumentError, Option } from 'commander'
import { fail } from '../../domain/failure.ts'
import { parseDurationMs } from '../../domain/instant.ts'
import {
  listMemberParts,
  listMembers,
  type Member,
  type Operation,
  type OperationRequest,
} from '../../operations/define.ts'
import type { InvalidInput } from '../../operations/parse-input.ts'
import type { ActorServices } from '../../service/actor-services.ts'
import { parseIsoInstant } from '../../service/input.ts'
import { CommandFailure, unwrapResult } from './command-failure.ts'
import {
  findInputName,
  isReference,
  REFERENCED_SERVICES,
  toKebabCase,
  toOptionName,
  toStdinOptionName,
} from './input-names.ts'
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

type Input = Record<string, unknown>

/** Defines the command of an operation: its arguments, options, help, and action. */
export function defineOperationCommand(
  group: Command,
  operation: Operation,
  groupOperations: readonly Operation[],
): void {
  const members = listMembers(operation).flatMap(listMemberParts)
  const hasId = operation.path.includes('{id}')
  const argument = hasId ? findArgumentMember(members) : undefined
  const stdin = findStandardInputMember(members)
  const optionByMember = new Map(
    members
      .filter((member) => member !== argument && member !== stdin)
      .map((member) => [member, createOption(member)]),
  )
  const command = group
    .command(toKebabCase(operation.id.split('.')[1] ?? ''))
    .summary(operation.summary)
    .description(`${operation.summary}.${operation.text === undefined ? '' : ` ${operation.text}`}`)
  if (hasId) command.argument('<id>', 'the id')
  if (argument !== undefined) command.addArgument(createArgument(argument))
  for (const option of optionByMember.values()) command.addOption(option)
  if (operation.isIrreversible || operation.describeImpact !== null) {
    command.option('--yes', 'do not ask for confirmation')
  }
  rejectRepeatedOptions(command)
  command
    .addHelpText('after', formatExamples(...listCommandLines(operation, members, argument)))
    .action(async () => {
      const [id = '', argumentValue] = command.processedArgs as string[]
      if (hasId && id === '') throw new CommandFailure('usage', '<id> must not be empty')
      const input = { query: {} as Input, body: {} as Input }
      for (const member of members) {
        const option = optionByMember.get(member)
        const value = option ? command.getOptionValue(option.attributeName()) : argumentValue
        const isOnStandardInput = member === stdin || (isSecret(member) && value === true)
        if (isOnStandardInput) setMember(input, member, await readSecret())
        else if (value !== undefined) setMember(input, member, parseMember(command, member, value))
      }
      await runCommand(command, operation, groupOperations, id, input)
    })
}

function setMember(
  input: { readonly query: Input; readonly body: Input },
  { name, parent, part }: Member,
  value: unknown,
): void {
  if (parent === undefined) input[part][name] = value
  else input[part][parent] = { ...(input[part][parent] as Input | undefined), [name]: value }
}

async function runCommand(
  command: Command,
  operation: Operation,
  groupOperations: readonly Operation[],
  id: string,
  input: { readonly query: Input; readonly body: Input },
): Promise<void> {
  const invalid = operation.findInputErrors(input)
  if (invalid !== null)
    throw new CommandFailure('invalid', formatInputErrors(command, operation, invalid))
  if (operation.method === 'patch' && Object.keys(input.body).length === 0) {
    throw new CommandFailure('usage', 'nothing to change: add at least one option')
  }
  const isConfirmed = command.opts<{ yes?: true }>().yes === true
  if (operation.isIrreversible && !isConfirmed) requireTerminal(operation.summary, FINAL_IMPACT)
  if (operation.formatRecovery !== null && input.body.secret === undefined) requireOutput()
  // A new installation begins with its first account.
  const canCreate = operation.id === 'accounts.create'
  const value = await withLatchkey(
    async (latchkey) => {
      const request: OperationRequest = {
        services: latchkey.servicesFor({ actor: 'operator', role: 'operator', accountId: null }),
        signedIn: null,
        caller: { address: '', requestId: crypto.randomUUID(), path: operation.id },
        signal: new AbortController().signal,
        loadTestMessages: latchkey.loadTestMessages,
        id,
        ...input,
      }
      const impact = operation.isIrreversible
        ? FINAL_IMPACT
        : await operation.describeImpact?.(request)
      if (impact && !isConfirmed)
        await confirm(command, operation, groupOperations, request, impact)
      const result = await perform(command, operation, request)
      const { items } = (result ?? {}) as { items?: unknown[] }
      if (items?.length === 0) await requireFilters(request.services, input.query)
      return result
    },
    { canCreate },
  )
  printResult(command, operation, id, value)
}

const FINAL_IMPACT = 'this cannot be undone'

/** Requires that the rows exist by which a list is filtered: a wrong id must not look like an empty list. */
async function requireFilters(services: ActorServices, query: Input): Promise<void> {
  for (const [name, id] of Object.entries(query)) {
    if (isReference(name) && typeof id === 'string') {
      unwrapResult<unknown>(await services[REFERENCED_SERVICES[name]].find(id))
    }
  }
}

/** Runs an operation, and fails the command with its error. */
async function perform(
  command: Command,
  operation: Operation,
  request: OperationRequest,
): Promise<unknown> {
  const result = await operation.perform(request)
  if (result.ok) return result.value
  const { failure } = result
  if (!('errors' in failure)) return unwrapResult(fail(failure), command)
  throw new CommandFailure('invalid', formatInputErrors(command, operation, failure))
}

function formatInputErrors(command: Command, operation: Operation, error: InvalidInput): string {
  const parents = listMembers(operation).filter(({ schema }) => schema.properties !== undefined)
  return error.errors
    .map(({ path, detail }) => {
      const isPart = path.length > 1 && parents.some(({ name }) => name === path[0])
      const [name, ...rest] = isPart ? path.slice(1) : path
      const inputName = name === undefined ? '' : (findInputName(command, name) ?? formatNoun(name))
      return [inputName, ...rest, detail].join(' ').trim()
    })
    .join('; ')
}

/** Asks the user to type the name of the row that the operation changes. */
async function confirm(
  command: Command,
  { summary }: Operation,
  groupOperations: readonly Operation[],
  request: OperationRequest,
  impact: string,
): Promise<void> {
  const show = groupOperations.find(({ id, method }) => id.endsWith('.show') && method === 'get')
  const found = show && (await perform(command, show, { ...request, query: {}, body: {} }))
  const { name, email } = (found ?? {}) as { name?: string; email?: string }
  requireTerminal(summary, impact)
  await confirmByName(summary, impact, name ?? email ?? (request.id || 'yes'))
}

function printResult(command: Command, operation: Operation, id: string, value: unknown): void {
  const result = operation.response === null ? { id, deleted: true } : value
  const format = () => formatValue(result, operation.columns)
  const recovery = operation.formatRecovery?.(result)
  // A secret that the caller chose is not printed.
  if (recovery === undefined || (result as { secret?: unknown }).secret === null) {
    printOutput(command, result, format)
  } else {
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

/** Formats the same command line with another cursor. */
function formatNextCommand(args: readonly string[], after: string): string {
  const rest = args.filter(
    (arg, n) => arg !== '--after' && !arg.startsWith('--after=') && args[n - 1] !== '--after',
  )
  return ['latchkey', ...rest, '--after', after].map(quoteArgument).join(' ')
}

const quoteArgument = (arg: string) =>
  /^[\w@%+=:,./-]+$/.test(arg) ? arg : `'${arg.replaceAll("'", "'\\''")}'`

/** Finds the argument after the id: the only required member of a body, unless it is a secret. */
function findArgumentMember(members: readonly Member[]): Member | undefined {
  const required = members.filter(({ part, isRequired }) => part === 'body' && isRequired)
  const [member] = required
  return required.length === 1 && member && !isSecret(member) ? member : undefined
}

/** Finds the member that standard input always has: a secret that is required, and the only one. */
function findStandardInputMember(members: readonly Member[]): Member | undefined {
  const [secret, ...others] = members.filter(isSecret)
  return secret?.isRequired && others.length === 0 ? secret : undefined
}

const isSecret = ({ schema }: Member) => schema.format === 'password'

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
  if (isSecret(member))
    return new Option(`--${toStdinOptionName(member.name)}`, `${help}. It is read from stdin.`)
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
    .replace('; null for ', ', or "" for ')
    .concat(isDuration(name) ? ', such as 90s, 30m, 24h or 7d' : '')
  const first = text.charAt(0).toLowerCase() + text.slice(1)
  const unit = isDuration(name) ? 's' : ''
  return fallback === undefined ? first : `${first} (default: ${fallback}${unit})`
}

const isDuration = (name: string) => name.endsWith('Seconds')

const formatNoun = (name: string) => toOptionName(name).replaceAll('-', ' ')

const listChoices = ({ schema }: Member): string[] =>
  schema.enum?.filter((value) => value !== null).map(String) ?? []

const NEVER = 'never'

function getPlaceholder(member: Member): string {
  const { name, schema } = member
  if (name === 'id') return 'uuid'
  if (schema.type === 'array') return 'list'
  if (schema.type?.includes('object')) return 'json'
  if (name === 'after') return 'cursor'
  if (isReference(name)) return 'id'
  if (isDuration(name)) return 'duration'
  if (isInstant(member)) return 'date'
  if (schema.type === 'integer') return 'n'
  return toOptionName(name).split('-').at(-1) ?? name
}

const isInstant = ({ schema }: Member) => schema.format === 'date-time' || schema.format === 'date'

/** Converts the text of an option to the JSON value of its member. */
function parseMember(command: Command, member: Member, value: unknown): unknown {
  const { name, part, schema } = member
  if (typeof value !== 'string') return value
  // An optional text may be empty: it clears a description.
  if (value === '' && (member.isRequired || isReference(name))) {
    throw new CommandFailure('usage', `${findInputName(command, name)} must not be empty`)
  }
  try {
    if (value === '' && schema.type?.includes('null')) return null
    if (schema.type === 'array') return value.split(/[\s,]+/).filter((item) => item !== '')
    if (schema.type?.includes('object')) return JSON.parse(value)
    if (isDuration(name)) return parseDuration(value)
    if (isInstant(member)) {
      if (value === NEVER && schema.type?.includes('null')) return null
      const text = new Date(parseInstant(value)).toISOString()
      return schema.format === 'date' ? text.slice(0, 10) : text
    }
  } catch (error) {
    const problem = schema.type?.includes('object')
      ? 'write the JSON itself, such as "$(cat FILE)"'
      : (error as Error).message
    throw new CommandFailure('usage', `${findInputName(command, name)}: ${problem}`)
  }
  return part === 'body' && schema.type === 'integer' ? Number(value) : value
}

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
  const holder = member.parent === undefined ? body : ((body[member.parent] ?? {}) as Input)
  const value = part === 'query' && isRequired ? member.schema.example : holder[name]
  const references = Object.keys(body).filter(isReference)
  if (value === undefined) return []
  if (isSecret(member))
    return isRequired ? ['< secret.txt'] : [`--${toStdinOptionName(name)} < secret.txt`]
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
  const list = Array.isArray(value) ? value.join(',') : value
  const text = isPlain(list) ? String(list) : JSON.stringify(list)
  return /^[\w@.,:/-]+$/.test(text) ? text : JSON.stringify(text)
}

/** Parses `90s`, `30m`, `24h` or `7d` into seconds. */
export function parseDuration(text: string): number {
  const seconds = (parseDurationMs(text) ?? 0) / 1000
  if (seconds > 0 && Number.isInteger(seconds)) return seconds
  throw new InvalidArgumentError('It must be a duration such as 90s, 30m, 24h or 7d.')
}

/** Parses an ISO 8601 date (its first moment, UTC), or a date and time with a zone, into epoch ms. */
export function parseInstant(text: string): number {
  const at = parseIsoInstant(text)
  if (at !== null) return at
  throw new InvalidArgumentError(
    'It must be an ISO date: 2027-01-31, or with time and zone 2027-01-31T12:00Z.',
  )
}
