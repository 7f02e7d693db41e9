import Ajv2020 from 'ajv/dist/2020.js'
import addFormats from 'ajv-formats'

/** The document, as far as tests read it. */
export interface ApiDocument {
  readonly paths: Readonly<Record<string, Readonly<Record<string, DocumentedOperation>>>>
  readonly components: { readonly schemas: Readonly<Record<string, object>> }
}

export interface DocumentedOperation {
  readonly operationId: string
  readonly summary: string
  readonly 'x-permission'?: string
  readonly parameters?: readonly {
    readonly name: string
    readonly in: 'path' | 'query'
    readonly required: boolean
    readonly schema: { readonly example?: string }
  }[]
  readonly requestBody?: {
    readonly content: {
      readonly 'application/json': {
        readonly examples: Readonly<Record<string, { readonly value: object }>>
      }
    }
  }
  readonly responses: Readonly<
    Record<string, { readonly content?: Readonly<Record<string, object>> }>
  >
}

/** A request that the document shows. */
export interface Shown {
  readonly called: string
  readonly method: string
  readonly path: string
  readonly operation: DocumentedOperation
  readonly target: string
  readonly body: object | undefined
}

/** Every request that the document shows: one for each example of a body, or one without. */
export function shownIn({ paths }: ApiDocument): Shown[] {
  return Object.entries(paths).flatMap(([path, methods]) =>
    Object.entries(methods).flatMap(([method, operation]) => {
      const bodies = operation.requestBody?.content['application/json'].examples ?? {
        '': { value: undefined },
      }
      return Object.entries(bodies).map(([what, { value: body }]) => ({
        called: `${operation.summary}${what === '' ? '' : `: ${what}`}`,
        method: method.toUpperCase(),
        path,
        operation,
        body,
        target: targetOf(path, operation),
      }))
    }),
  )
}

/** The path with the examples of its parameters, and of every parameter that it cannot do without. */
function targetOf(path: string, { parameters = [] }: DocumentedOperation): string {
  const exampleOf = (name: string) => {
    const found = parameters.find((parameter) => parameter.name === name)?.schema.example
    if (found === undefined) throw new Error(`${path} shows no ${name}`)
    return encodeURIComponent(found)
  }
  const query = parameters
    .filter((parameter) => parameter.in === 'query' && parameter.required)
    .map(({ name }) => `${name}=${exampleOf(name)}`)
  const filled = path.replaceAll(/\{(\w+)\}/g, (_, name: string) => exampleOf(name))
  return [filled, ...(query.length > 0 ? [query.join('&')] : [])].join('?')
}

/** Holds answers against the document: what is wrong with one, or null. */
export function createJudge(document: ApiDocument) {
  const ajv = new Ajv2020.default({ strict: false, allErrors: true })
  addFormats.default(ajv)
  ajv.addSchema(document, 'api')
  const at = (...steps: readonly (string | number)[]) =>
    `api#/${steps.map((step) => encodeURIComponent(String(step).replaceAll('~', '~0').replaceAll('/', '~1'))).join('/')}`

  return {
    answer({ path, method }: Pick<Shown, 'path' | 'method'>, status: number, value: unknown) {
      const steps = ['paths', path, method.toLowerCase(), 'responses', status, 'content']
      return held(at(...steps, 'application/json', 'schema'), value)
    },
    problem: (value: unknown) => held(at('components', 'schemas', 'Problem'), value),
  }

  function held(reference: string, value: unknown): string | null {
    const validate = ajv.getSchema(reference) ?? ajv.compile({ $ref: reference })
    return validate(value) ? null : ajv.errorsText(validate.errors)
  }
}
