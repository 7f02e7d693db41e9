import { z } from 'zod'
import { ok, type Result } from '../domain/failure.ts'
import { InvalidCursorError } from '../domain/id.ts'
import type { Permission } from '../domain/role.ts'
import type { ActorServices, Services } from '../service/actor-services.ts'
import type { Caller } from '../service/caller.ts'
import { SERVICE_PERMISSIONS } from '../service/permissions.ts'
import type { SignedInUser } from '../service/ports/sign-in.ts'
import type { TestMessages } from '../service/ports/test-messages.ts'
import type { ServiceError, ServiceResult } from '../service/service-result.ts'
import type { Sessions } from '../service/sign-in/sessions.ts'
import { failInput, type InputError, type InvalidInput, parseInput } from './parse-input.ts'

/** The caller, the caller's services, and the addressed resource. */
export interface OperationContext {
  readonly services: ActorServices
  /** The user and their session; null for the operator of the machine, on the command line. */
  readonly signedIn: { readonly user: SignedInUser; readonly sessions: Sessions } | null
  readonly caller: Caller
  /** Aborted when the caller disconnects. */
  readonly signal: AbortSignal
  readonly loadTestMessages: () => Promise<TestMessages>
  /** The `{id}` of the path; empty if the path has none. */
  readonly id: string
  /** The body of an operation that reads it as it arrives. */
  readonly upload?: Upload | undefined
}

/** A body that is read as it arrives, and its content type without parameters. */
export interface Upload {
  readonly type: string
  readonly bytes: AsyncIterable<Uint8Array>
}

/** A request whose query and body have not been validated. */
export interface OperationRequest extends OperationContext {
  readonly query: unknown
  readonly body: unknown
}

export type OperationError = ServiceError | InvalidInput

/** A management operation: its documentation, its command line, and its implementation. */
export interface Operation extends OperationText {
  readonly query: z.ZodObject
  readonly body: z.ZodObject | null
  /** Valid bodies, by title. */
  readonly examples: Readonly<Record<string, object>>
  readonly status: 200 | 201 | 204
  /** Null for an operation without a result. */
  readonly response: { readonly type: string; readonly schema: z.ZodType } | null
  /** Finds what is invalid in the input; null if nothing is. `perform` does so too. */
  readonly findInputErrors: (input: Pick<OperationRequest, 'query' | 'body'>) => InvalidInput | null
  /** Validates the input, and returns the result as JSON values, or as an iterable of JSON lines. */
  readonly perform: (request: OperationRequest) => Promise<Result<unknown, OperationError>>
  /** True if the result is what the caller asked for: the exit code of the command is 0. */
  readonly isSuccess: (value: unknown) => boolean
  /** The command that recovers from a lost output; null if the output can be had again. */
  readonly formatRecovery: ((value: unknown) => string) | null
  /** Returns a sentence for the user of the command, after the result; null if there is nothing to say. */
  readonly note: ((value: unknown) => string | null) | null
  /** Describes what it would break at this moment, so that the command asks; null if it never breaks anything. */
  readonly describeImpact: ((request: OperationRequest) => Promise<string | null>) | null
}

interface OperationText {
  /** Group and verb. It is the name of the command, and of the method in a generated client. */
  readonly id: `${string}.${string}`
  readonly method: 'get' | 'post' | 'put' | 'patch' | 'delete'
  /** The path below /admin/v1; `{id}` is the id of one resource. */
  readonly path: string
  /** The service methods that it calls, all of one permission; none for a user's own access. */
  readonly serviceMethods: readonly ServiceMethodName[]
  readonly summary: string
  readonly text?: string | undefined
  /** The columns of a list on the command line; every plain member by default. */
  readonly columns?: readonly string[] | undefined
  /** The content types of a body that is read as it arrives, and what it has. */
  readonly uploadTypes?: Readonly<Record<string, string>> | undefined
  /** Command lines, besides those that the examples of bodies make. */
  readonly commandLines?: readonly string[] | undefined
  /** The reason that there is no command. */
  readonly noCommand?: string | undefined
  /** The reason that there is no page of the console. */
  readonly noPage?: string | undefined
  /** True if it cannot be undone: the command asks. */
  readonly isIrreversible?: true | undefined
}

const EMPTY_INPUT = z.strictObject({})
type EmptyInput = typeof EMPTY_INPUT

interface OperationSpec<Query extends z.ZodObject, Body extends z.ZodObject> extends OperationText {
  readonly query?: Query
  readonly body?: Body
  readonly examples?: Readonly<Record<string, z.input<Body> & object>>
}

type OperationInput<Query extends z.ZodObject, Body extends z.ZodObject> = OperationContext & {
  readonly query: z.output<Query>
  readonly body: z.output<Body>
}

/** Defines an operation that returns one JSON value. Members that the response schema does not name are left out. */
export function defineOperation<
  Response extends z.ZodType,
  Query extends z.ZodObject = EmptyInput,
  Body extends z.ZodObject = EmptyInput,
>(
  spec: OperationSpec<Query, Body> & {
    readonly response: Response
    readonly creates?: true
    readonly run: (input: OperationInput<Query, Body>) => Promise<ServiceResult<z.output<Response>>>
    readonly isSuccess?: (value: z.input<Response>) => boolean
    readonly formatRecovery?: (value: z.input<Response>) => string
    readonly note?: (value: z.input<Response>) => string | null
    readonly describeImpact?: (input: OperationInput<Query, Body>) => Promise<string | null>
  },
): Operation {
  const { run, creates, response, ...rest } = spec
  const { isSuccess = () => true, formatRecovery = null, note = null, ...more } = rest
  const { describeImpact = null, ...text } = more
  return {
    ...createOperation(text, async (input) => {
      const result = await run(input)
      return result.ok ? ok(z.encode(response, result.value)) : result
    }),
    status: creates ? 201 : 200,
    response: { type: 'application/json', schema: response },
    // The values are those that `perform` returns.
    isSuccess: isSuccess as Operation['isSuccess'],
    formatRecovery: formatRecovery as Operation['formatRecovery'],
    note: note as Operation['note'],
    // The input was validated by `findInputErrors`.
    describeImpact: describeImpact as Operation['describeImpact'],
  }
}

/** Defines an operation without a result. */
export const defineNoContentOperation = <
  Query extends z.ZodObject = EmptyInput,
  Body extends z.ZodObject = EmptyInput,
>({
  run,
  ...text
}: OperationSpec<Query, Body> & {
  readonly run: (input: OperationInput<Query, Body>) => Promise<ServiceResult<void>>
}): Operation => ({ ...createOperation(text, run), status: 204, response: null })

export const JSON_LINES_TYPE = 'application/jsonl'

/** Defines an operation that returns JSON lines. */
export const defineJsonLinesOperation = <Query extends z.ZodObject = EmptyInput>({
  run,
  ...text
}: OperationSpec<Query, EmptyInput> & {
  readonly run: (
    input: OperationInput<Query, EmptyInput>,
  ) => Promise<ServiceResult<AsyncIterable<string>>>
}): Operation => ({
  ...createOperation(text, run),
  response: { type: JSON_LINES_TYPE, schema: z.string() },
})

/** Creates an operation that validates query and body before it calls `work`. */
function createOperation<Query extends z.ZodObject, Body extends z.ZodObject>(
  { query, body, examples = {}, ...text }: OperationSpec<Query, Body>,
  work: (input: OperationInput<Query, Body>) => Promise<ServiceResult<unknown>>,
): Operation {
  // A missing schema has the type of EMPTY_INPUT, by the defaults of the type parameters.
  const querySchema = query ?? (EMPTY_INPUT as unknown as Query)
  const bodySchema = body ?? (EMPTY_INPUT as unknown as Body)

  function parse(input: Pick<OperationRequest, 'query' | 'body'>) {
    const parsedQuery = parseInput(querySchema, input.query, 'query')
    if (!parsedQuery.ok) return parsedQuery
    const parsedBody = parseInput(bodySchema, input.body, 'body')
    if (!parsedBody.ok) return parsedBody
    return ok({ query: parsedQuery.value, body: parsedBody.value })
  }

  return {
    ...text,
    query: querySchema,
    body: body ?? null,
    examples,
    status: 200,
    response: null,
    isSuccess: () => true,
    formatRecovery: null,
    note: null,
    describeImpact: null,
    findInputErrors(input) {
      const parsed = parse(input)
      return parsed.ok ? null : parsed.failure
    },
    async perform(request) {
      const input = parse(request)
      if (!input.ok) return input
      try {
        return await work({ ...request, ...input.value })
      } catch (error) {
        if (!(error instanceof InvalidCursorError)) throw error
        const detail = 'is no cursor of this list: begin with its first page'
        return failInput([{ part: 'query', path: ['after'], detail }])
      }
    },
  }
}

/** The name of a service method: `keys.create`. */
export type ServiceMethodName = {
  [Name in keyof Services]: `${Name}.${string & keyof Services[Name]}`
}[keyof Services]

/** Finds the permission that a service method requires. */
export function findPermission(name: ServiceMethodName): Permission {
  // The name is one of the table.
  const [service, method] = name.split('.') as [keyof Services, never]
  return SERVICE_PERMISSIONS[service][method]
}

/** Finds the permission that an operation requires; null if every signed-in user may perform it. */
export const findOperationPermission = ({
  serviceMethods: [method],
}: Pick<Operation, 'serviceMethods'>): Permission | null =>
  method === undefined ? null : findPermission(method)

/** A member of an operation's query or body. */
export interface Member {
  readonly name: string
  /** The member that holds it, if it is a part of another. */
  readonly parent?: string
  readonly part: InputError['part']
  readonly schema: MemberSchema
  readonly isRequired: boolean
}

/** The keywords of JSON Schema that the members of operations have. */
interface MemberSchema {
  readonly type?: string | readonly string[]
  /** The label of its field, where the name alone does not make one. */
  readonly title?: string
  readonly enum?: readonly (string | null)[]
  /** The parts of an object. */
  readonly properties?: Readonly<Record<string, MemberSchema>>
  readonly format?: string
  readonly description?: string
  readonly default?: unknown
  readonly example?: unknown
}

/** Lists the members that an operation takes, those of the query first. */
export const listMembers = ({ query, body }: Operation): Member[] => [
  ...listPartMembers(query, 'query'),
  ...(body === null ? [] : listPartMembers(body, 'body')),
]

/** Lists the parts of a member that is an object with known ones; any other member is its only part. */
export const listMemberParts = (member: Member): Member[] =>
  member.schema.properties === undefined
    ? [member]
    : Object.entries(member.schema.properties).map(([name, schema]) => ({
        name,
        parent: member.name,
        part: member.part,
        schema,
        isRequired: false,
      }))

/** Finds the member that the field of a service's error names, which may be a part of another. */
export const findFieldMember = (operation: Operation, field: string | undefined) =>
  listMembers(operation)
    .flatMap((member) => [member, ...listMemberParts(member)])
    .find(({ name }) => name === field)

/** Lists the members of the resource that an operation returns. */
export function listResultMembers({ response }: Operation): Pick<Member, 'name' | 'schema'>[] {
  if (response === null) return []
  const root = z.toJSONSchema(response.schema, { io: 'output' })
  const { properties = {} } = resolveSchema(root, root.$defs)
  return Object.entries(properties).map(([name, property]) => ({
    name,
    schema: property as MemberSchema,
  }))
}

type JsonSchema = z.core.JSONSchema.JSONSchema

/** Follows the reference of a schema that has a name. */
function resolveSchema(
  schema: z.core.JSONSchema._JSONSchema,
  $defs: JsonSchema['$defs'] = {},
): JsonSchema {
  if (typeof schema === 'boolean') return {}
  const name = schema.$ref?.split('/').at(-1)
  return name === undefined ? schema : resolveSchema($defs[name] ?? {}, $defs)
}

function listPartMembers(schema: z.ZodObject, part: Member['part']): Member[] {
  const { properties = {}, required = [], $defs } = z.toJSONSchema(schema, { io: 'input' })
  return Object.entries(properties).map(([name, property]) => ({
    name,
    part,
    schema: resolveSchema(property, $defs) as MemberSchema,
    isRequired: required.includes(name),
  }))
}
