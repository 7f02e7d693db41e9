import Ajv2020 from 'ajv/dist/2020.js'
import addFormats from 'ajv-formats'

/** A request and its answer, as a transcript has them. */
export interface DocumentedExchange {
  readonly request: {
    readonly method: string
    readonly target: string
    readonly body: string
  }
  readonly response: {
    readonly status: number
    readonly headers: readonly (readonly [name: string, value: string])[]
    readonly body: string
  }
}

interface TestDocument {
  readonly paths: Readonly<Record<string, Readonly<Record<string, TestOperation>>>>
}
interface TestOperation {
  readonly requestBody?: { readonly content: Readonly<Record<string, { readonly schema: object }>> }
  readonly responses: Readonly<Record<string, TestResponse>>
}
interface TestResponse {
  readonly headers?: Readonly<Record<string, { readonly required: boolean }>>
  readonly content?: Readonly<Record<string, { readonly schema: object }>>
}

/**
 * Holds exchanges against an OpenAPI document: returns what the document does not describe of one, or null.
 * A member that a schema does not name counts as undescribed.
 */
export function createExchangeChecker(document: object) {
  const lenient = JSON.parse(JSON.stringify(document)) as TestDocument
  const strict = forbidOtherMembers(lenient) as TestDocument
  const ajv = new Ajv2020.default({ strict: false, allErrors: true })
  addFormats.default(ajv)
  ajv.addSchema(lenient, 'lenient')
  ajv.addSchema(strict, 'strict')

  return ({ request, response }: DocumentedExchange): string | null => {
    const { status, body } = response
    const headers = new Headers(response.headers.map(([name, value]) => [name, value]))
    const path = findPath(lenient, request.target.replace(/\?.*/, ''))
    if (path === undefined) return status === 404 ? null : `the path answers ${status}`
    const method = request.method.toLowerCase()
    const operation = lenient.paths[path]?.[method]
    if (operation === undefined) {
      const allowed = headers.get('allow')?.toLowerCase().split(', ') ?? []
      const known = Object.keys(lenient.paths[path] ?? {})
      return status === 405 && known.every((each) => allowed.includes(each))
        ? null
        : `${method} answers ${status}, Allow ${allowed.join(', ')}`
    }
    const answer = operation.responses[status] ?? operation.responses.default
    if (answer === undefined) return `no answer ${status}`
    const missing = Object.entries(answer.headers ?? {})
      .filter(([name, { required }]) => required && !headers.has(name))
      .map(([name]) => name)
    if (missing.length > 0) return `no header ${missing.join(', ')}`
    const key = operation.responses[status] === undefined ? 'default' : String(status)
    const at = ['paths', path, method]
    const content = answer.content ?? {}
    const [type] = Object.keys(content)
    if (type === undefined) return null
    const sent = headers.get('content-type') ?? ''
    if (removeCharset(sent) !== removeCharset(type)) return `${status} has the type ${sent}`
    const wrong = validate(
      toReference('strict', [...at, 'responses', key, 'content', type, 'schema']),
      type.includes('json') ? JSON.parse(body) : body,
    )
    if (wrong !== null) return `${status}: ${wrong}`
    return status < 300 ? checkRequestBody(operation, at, request.body) : null
  }

  /** An accepted body fits the schema of its type: JSON, a form, or text. */
  function checkRequestBody(operation: TestOperation, at: string[], body: string): string | null {
    const types = Object.keys(operation.requestBody?.content ?? {})
    if (types.length === 0 || body === '') return null
    const isObject = body.startsWith('{')
    const type = types.find((each) => (isObject ? each.includes('json') : !each.includes('json')))
    if (type === undefined) return 'the body has no documented type'
    const value = isObject
      ? JSON.parse(body)
      : type.includes('form')
        ? Object.fromEntries(new URLSearchParams(body))
        : body
    return validate(
      toReference('lenient', [...at, 'requestBody', 'content', type, 'schema']),
      value,
    )
  }

  function validate(reference: string, value: unknown): string | null {
    const check = ajv.getSchema(reference) ?? ajv.compile({ $ref: reference })
    return check(value) ? null : ajv.errorsText(check.errors)
  }
}

const removeCharset = (type: string) => type.replace(/; *charset=utf-8$/i, '').toLowerCase()

const toReference = (root: string, steps: readonly string[]) =>
  `${root}#/${steps.map((step) => encodeURIComponent(step.replaceAll('~', '~0').replaceAll('/', '~1'))).join('/')}`

/** `{resource}` stands for the rest of a path, every other parameter for one segment. */
function findPath({ paths }: TestDocument, path: string): string | undefined {
  if (Object.hasOwn(paths, path)) return path
  return Object.keys(paths).find((template) => {
    const pattern = template.replace('{resource}', '.+').replaceAll(/\{\w+\}/g, '[^/]+')
    return new RegExp(`^${pattern}$`).test(path)
  })
}

/** Forbids members that no schema names, where a schema does not allow them expressly. */
function forbidOtherMembers(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(forbidOtherMembers)
  if (typeof value !== 'object' || value === null) return value
  const copy = Object.fromEntries(
    Object.entries(value).map(([name, member]) => [name, forbidOtherMembers(member)]),
  )
  return 'properties' in copy && copy.type === 'object' && !('additionalProperties' in copy)
    ? { ...copy, additionalProperties: false }
    : copy
}
