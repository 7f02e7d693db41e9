import type { z } from 'zod'
import { fail, ok, type Result } from '../domain/failure.ts'

/** An invalid member of the input. */
export interface InputError {
  readonly part: 'query' | 'body'
  /** The names that lead to it; empty for the whole part. */
  readonly path: readonly string[]
  readonly detail: string
}

export interface InvalidInput {
  readonly problem: 'invalid'
  readonly errors: readonly InputError[]
}

const MAX_REPORTED_ERRORS = 20

/** Parses the input by the schema, or reports each place where it does not match. */
export function parseInput<Schema extends z.ZodType>(
  schema: Schema,
  input: unknown,
  part: InputError['part'],
): Result<z.output<Schema>, InvalidInput> {
  const parsed = schema.safeParse(input, { error: describeIssue })
  if (parsed.success) return ok(parsed.data)
  const errors = parsed.error.issues.flatMap((issue): InputError[] => {
    const path = issue.path.map(String)
    return issue.code === 'unrecognized_keys'
      ? issue.keys.map((name) => ({ part, path: [...path, name], detail: 'is unknown' }))
      : [{ part, path, detail: issue.message }]
  })
  return failInput(errors.slice(0, MAX_REPORTED_ERRORS))
}

/** Formats a JSON Pointer as a URI fragment (RFC 6901 §3 and §6). */
export const formatJsonPointer = (path: readonly string[]): string =>
  `#${path.map((step) => `/${step.replaceAll('~', '~0').replaceAll('/', '~1')}`).join('')}`

export const failInput = (errors: readonly InputError[]) =>
  fail<InvalidInput>({ problem: 'invalid', errors })

/** Describes an issue in the words of this server, where the schema has none of its own. */
function describeIssue(issue: z.core.$ZodRawIssue): string | undefined {
  switch (issue.code) {
    case 'invalid_type':
      return issue.input === undefined
        ? 'is required'
        : `must be ${TYPE_NAMES[issue.expected] ?? issue.expected}`
    case 'invalid_value':
      return `must be ${issue.values.length === 1 ? '' : 'one of '}${issue.values.join(', ')}`
    case 'invalid_format':
      return `must be ${FORMAT_NAMES[issue.format] ?? 'in another form'}`
    case 'too_small':
      return `must ${SIZE_VERBS[issue.origin] ?? 'be'} at least ${issue.minimum}${formatSizeUnit(issue)}`
    case 'too_big':
      return `must ${SIZE_VERBS[issue.origin] ?? 'be'} at most ${issue.maximum}${formatSizeUnit(issue)}`
    default:
      return undefined
  }
}

const TYPE_NAMES: Readonly<Record<string, string>> = {
  string: 'text',
  number: 'a number',
  int: 'a whole number',
  boolean: 'true or false',
  object: 'an object',
  record: 'an object',
  array: 'a list',
}
const FORMAT_NAMES: Readonly<Record<string, string>> = {
  uuid: 'a UUID',
  datetime: 'a time such as 2027-01-31T12:00:00Z',
  date: 'a date such as 2027-01-31',
}
const SIZE_VERBS: Readonly<Record<string, string>> = { string: 'have', array: 'have' }
const formatSizeUnit = ({ origin }: { readonly origin: string }) =>
  origin === 'string' ? ' characters' : origin === 'array' ? ' items' : ''
