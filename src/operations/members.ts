import { z } from 'zod'
import type { InputError, Operation } from './define.ts'

/** A member of an operation's query or body. */
export interface Member {
  readonly name: string
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

/** Lists the members of the resource that an operation returns. */
export function listResultMembers({ response }: Operation): Pick<Member, 'name' | 'schema'>[] {
  if (response === null) return []
  const { $ref, $defs = {}, ...root } = z.toJSONSchema(response.schema, { io: 'output' })
  const { properties = {} } =
    $ref === undefined ? root : ($defs[$ref.split('/').at(-1) ?? ''] ?? {})
  return Object.entries(properties).map(([name, property]) => ({
    name,
    schema: property as MemberSchema,
  }))
}

function listPartMembers(schema: z.ZodObject, part: Member['part']): Member[] {
  const { properties = {}, required = [] } = z.toJSONSchema(schema, { io: 'input' })
  return Object.entries(properties).map(([name, property]) => ({
    name,
    part,
    schema: property as MemberSchema,
    isRequired: required.includes(name),
  }))
}
