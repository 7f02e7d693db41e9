import { FHIR_LETTERS, type FhirGrant, type FhirLetter } from './scope.ts'

/*
 * The scopes that a FHIR request needs (SMART App Launch 2.2, "Scopes for requesting FHIR resources"). The
 * upstream does not know the scopes, so everything that its response could contain or depend on counts:
 * included resources, chains, compartments, conditions. What is not understood needs all of it.
 */

export interface FhirRequest {
  readonly method: string
  /** The path below the FHIR base, as it was sent. */
  readonly path: string
  /** The query as it was sent, without its question mark. */
  readonly query: string
  /**
   * The body of a search by POST: the text of a form, or empty. Null for a body that was not read, and for
   * every other request.
   */
  readonly form: string | null
  readonly getHeader: (name: string) => string | null
}

/** One interaction with one resource type, or with all of them: `*`. */
export interface FhirNeed {
  readonly type: string
  readonly letter: FhirLetter
}

const toNeeds = (type: string, letters: readonly FhirLetter[]): readonly FhirNeed[] =>
  letters.map((letter) => ({ type, letter }))

/** Everything: for batches, transactions, operations, and requests that are not understood. */
const ALL_NEEDS = toNeeds('*', FHIR_LETTERS)
const SEARCH_ALL_NEEDS = toNeeds('*', ['s'])

/** Lists what the request needs; nothing if it is public. */
export function listFhirNeeds(request: FhirRequest): readonly FhirNeed[] {
  const segments = parseSegments(request.path)
  const method = request.method === 'HEAD' ? 'GET' : request.method
  const interaction = segments === null ? ALL_NEEDS : listInteractionNeeds(method, segments)
  // The capability statement (FHIR R4 §3.1.0.9). It answers to no parameter with data.
  if (interaction.length === 0) return []
  const isSearchByPost = method === 'POST' && segments?.at(-1) === '_search'
  const needs = [
    ...interaction,
    ...listConditionNeeds(method, segments ?? [], request),
    ...splitParameters(request.query).flatMap(listParameterNeeds),
    ...(isSearchByPost ? listFormNeeds(request.form) : []),
    // Some frameworks take the method, or a search, from the form of any POST.
    ...(method === 'POST' && !isSearchByPost && hasForm(request) ? ALL_NEEDS : []),
    // HAPI deletes what refers to the resource, too.
    ...(request.getHeader('x-cascade') === null ? [] : ALL_NEEDS),
  ]
  const unique = new Map(needs.map((need) => [`${need.type}.${need.letter}`, need]))
  return [...unique.values()]
}

const hasForm = ({ getHeader }: FhirRequest): boolean =>
  /x-www-form-urlencoded|multipart\/form-data/i.test(getHeader('content-type') ?? '')

/** Lists the needs that the granted scopes do not cover. An empty list allows the request. */
export const listMissingFhirNeeds = (grant: FhirGrant, request: FhirRequest): readonly FhirNeed[] =>
  listFhirNeeds(request).filter(({ type, letter }) => !grant.allows(type, letter))

/** Formats needs as scopes, for a challenge (RFC 6750 §3) and for people. */
export function formatFhirNeeds(needs: readonly FhirNeed[]): string {
  const types = [...new Set(needs.map(({ type }) => type))]
  const listLetters = (type: string) =>
    FHIR_LETTERS.filter((letter) =>
      needs.some((need) => need.type === type && need.letter === letter),
    )
  return types.map((type) => `system/${type}.${listLetters(type).join('')}`).join(' ')
}

const RESOURCE_TYPE = /^[A-Z][A-Za-z]{0,63}$/
/** Longer than FHIR's ids, and never a dot segment. */
const RESOURCE_ID = /^(?!\.{1,2}$)[\w.~-]{1,255}$/

/** Returns the decoded segments; null for a path that two servers could read in two ways. */
function parseSegments(path: string): readonly string[] | null {
  const trimmed = path.replace(/^\//, '').replace(/\/$/, '')
  if (trimmed === '') return []
  const segments = trimmed.split('/').map(decodeOnce)
  const isPlain = segments.every((segment) => segment !== null && /^[\w.~$*-]+$/.test(segment))
  return isPlain ? (segments as string[]) : null
}

function decodeOnce(text: string): string | null {
  try {
    return decodeURIComponent(text)
  } catch {
    return null
  }
}

/** Reads the path, from the whole server down to one version of a resource. */
function listInteractionNeeds(method: string, segments: readonly string[]): readonly FhirNeed[] {
  const [type, id, ...rest] = segments
  if (segments.some((segment) => segment.includes('$'))) return ALL_NEEDS
  if (type === undefined) return method === 'GET' ? SEARCH_ALL_NEEDS : ALL_NEEDS
  if (id === undefined) return listTypeNeeds(method, type)
  if (!RESOURCE_TYPE.test(type)) return ALL_NEEDS
  if (rest.length === 0) {
    if (id === '_search') return isSearch(method) ? toNeeds(type, ['s']) : ALL_NEEDS
    // SMART counts the history of a type as a search.
    if (id === '_history') return method === 'GET' ? toNeeds(type, ['r', 's']) : ALL_NEEDS
    return isResourceId(id) ? listMethodNeeds(method, type, INSTANCE_LETTERS) : ALL_NEEDS
  }
  if (!isResourceId(id)) return ALL_NEEDS
  return rest[0] === '_history'
    ? listHistoryNeeds(method, type, rest)
    : listCompartmentNeeds(method, type, rest)
}

const isSearch = (method: string) => method === 'GET' || method === 'POST'

const isResourceId = (id: string) => RESOURCE_ID.test(id) && !id.startsWith('_')

/** `/Patient`, and what stands in the place of a type. */
function listTypeNeeds(method: string, type: string): readonly FhirNeed[] {
  if (type === 'metadata') return method === 'GET' ? [] : ALL_NEEDS
  if (type === '_search') return isSearch(method) ? SEARCH_ALL_NEEDS : ALL_NEEDS
  if (type === '_history') return method === 'GET' ? toNeeds('*', ['r', 's']) : ALL_NEEDS
  if (!RESOURCE_TYPE.test(type)) return ALL_NEEDS
  return listMethodNeeds(method, type, TYPE_LETTERS)
}

/** The letters for the methods of `/Patient/1`. An update may create: SMART lets `u` allow that. */
const INSTANCE_LETTERS: ReadonlyMap<string, FhirLetter> = new Map([
  ['GET', 'r'],
  ['PUT', 'u'],
  ['PATCH', 'u'],
  ['DELETE', 'd'],
])

/** The letters for the methods of `/Patient`. */
const TYPE_LETTERS: ReadonlyMap<string, FhirLetter> = new Map([
  ...INSTANCE_LETTERS,
  ['GET', 's'],
  ['POST', 'c'],
])

function listMethodNeeds(
  method: string,
  type: string,
  letters: ReadonlyMap<string, FhirLetter>,
): readonly FhirNeed[] {
  const letter = letters.get(method)
  return letter === undefined ? ALL_NEEDS : toNeeds(type, [letter])
}

/** `/Patient/1/_history` and `/Patient/1/_history/2`. */
function listHistoryNeeds(
  method: string,
  type: string,
  [, version, ...more]: readonly string[],
): readonly FhirNeed[] {
  if (more.length > 0 || (version !== undefined && !isResourceId(version))) return ALL_NEEDS
  if (method === 'GET') return toNeeds(type, ['r'])
  return method === 'DELETE' ? toNeeds(type, ['d']) : ALL_NEEDS
}

/** `/Patient/1/Observation` and `/Patient/1/*` (FHIR R4 §3.1.1.2.1): both types are searched. */
function listCompartmentNeeds(
  method: string,
  type: string,
  [member = '', search, ...more]: readonly string[],
): readonly FhirNeed[] {
  const isOfKnownForm =
    (member === '*' || RESOURCE_TYPE.test(member)) &&
    more.length === 0 &&
    (search === undefined ? method === 'GET' : search === '_search' && isSearch(method))
  return isOfKnownForm ? [...toNeeds(type, ['s']), ...toNeeds(member, ['s'])] : ALL_NEEDS
}

/** A condition is a search, whose result the status tells (FHIR R4 §3.1.0.7, §3.1.0.8). */
function listConditionNeeds(
  method: string,
  [type, id]: readonly string[],
  { getHeader }: FhirRequest,
): readonly FhirNeed[] {
  if (type === undefined || !RESOURCE_TYPE.test(type)) return []
  const condition = getHeader('if-none-exist')
  const isConditional = id === undefined && ['PUT', 'PATCH', 'DELETE'].includes(method)
  if (condition === null) return isConditional ? toNeeds(type, ['s']) : []
  const query = condition.replace(/^[^?]*\?/, '')
  return [...toNeeds(type, ['s']), ...splitParameters(query).flatMap(listParameterNeeds)]
}

const listFormNeeds = (form: string | null): readonly FhirNeed[] =>
  form === null ? SEARCH_ALL_NEEDS : splitParameters(form).flatMap(listParameterNeeds)

type Parameter = readonly [name: string, value: string]

/** Splits at semicolons too, as some servers do: that can only add needs. */
const splitParameters = (text: string): readonly Parameter[] =>
  text
    .split(/[&;]/)
    .filter((part) => part !== '')
    .map((part) => {
      const at = part.indexOf('=')
      const [name, value] = at === -1 ? [part, ''] : [part.slice(0, at), part.slice(at + 1)]
      return [decodeParameter(name), decodeParameter(value)]
    })

/** A part that cannot be decoded becomes one that is in no grammar. */
const decodeParameter = (text: string): string => decodeOnce(text.replaceAll('+', ' ')) ?? '\0'

/** The parameters of every type that look at no other one (FHIR R4 §3.1.1, R5 §3.2.1), and those of pages. */
const PLAIN_PARAMETERS: ReadonlySet<string> = new Set([
  '_at',
  '_containedtype',
  '_content',
  '_count',
  '_elements',
  '_format',
  '_id',
  '_language',
  '_lastupdated',
  '_maxresults',
  '_offset',
  '_page',
  '_pretty',
  '_profile',
  '_score',
  '_security',
  '_since',
  '_skip',
  '_source',
  '_summary',
  '_tag',
  '_text',
  '_total',
  '_type',
])

/** Lists the types that a search parameter looks at, besides the type that is searched. */
function listParameterNeeds([name, value]: Parameter): readonly FhirNeed[] {
  const [base = '', ...modifiers] = name.trim().toLowerCase().split(':')
  switch (base) {
    case '_include':
      return toSearchNeeds(listIncludedTypes(value))
    case '_revinclude':
      return toSearchNeeds(listReverseIncludedTypes(value))
    case '_has':
      return toSearchNeeds(listReverseChainTypes(name.trim().split(':').slice(1)))
    case '_list':
      return toSearchNeeds(['List'])
    case '_contained':
      // Finds resources of any type that contain one of the searched type.
      return value === 'false' ? [] : SEARCH_ALL_NEEDS
    case '_sort':
      return value.includes('.') ? SEARCH_ALL_NEEDS : []
    // An expression, and a graph of resources: not parsed here.
    case '_filter':
    case '_graph':
      return SEARCH_ALL_NEEDS
    // A named query is an operation; the others change what a request does on some servers.
    case '_query':
    case '_cascade':
    case '_expunge':
    case '_method':
      return ALL_NEEDS
    default:
      if (/[^\w.:~-]/.test(name.trim())) return SEARCH_ALL_NEEDS
      // Such as `_in`, and a server's own `_with` and `_assoc`, which include resources.
      if (base.startsWith('_') && !PLAIN_PARAMETERS.has(base.split('.')[0] ?? '')) {
        return SEARCH_ALL_NEEDS
      }
      return base.includes('.') || modifiers.some((modifier) => modifier.includes('.'))
        ? toSearchNeeds(listChainTypes(name.trim()))
        : []
  }
}

const toSearchNeeds = (types: readonly string[]): readonly FhirNeed[] =>
  types.flatMap((type) => toNeeds(RESOURCE_TYPE.test(type) ? type : '*', ['s']))

/** The only reference parameter that has one target in every type. */
const findTarget = (parameter: string): string => (parameter === 'patient' ? 'Patient' : '*')

/** `Observation:subject:Patient`: without a target, it could be anything that `subject` refers to. */
function listIncludedTypes(value: string): readonly string[] {
  const [source = '*', parameter = '*', target = findTarget(parameter), ...more] = value.split(':')
  return more.length === 0 && isIncludeParameter(parameter) ? [source, target] : ['*']
}

/** `Observation:subject:Patient` adds observations only. */
function listReverseIncludedTypes(value: string): readonly string[] {
  const [source = '*', parameter = '', ...targets] = value.split(':')
  const isKnownForm = isIncludeParameter(parameter) && targets.length <= 1
  return isKnownForm ? [source, ...targets] : ['*']
}

/** Some servers take a list, separated by commas. */
const isIncludeParameter = (text: string) => text === '*' || /^[\w-]+$/.test(text)

/** `_has:Observation:patient:code`, which may go on with another `_has` or a chain (FHIR R4 §3.1.1.5.5). */
function listReverseChainTypes(parts: readonly string[]): readonly string[] {
  const [type = '*', parameter = '', ...rest] = parts
  if (parameter.includes('.') || rest.length === 0) return ['*']
  const [next = ''] = rest
  if (next.toLowerCase() === '_has') return [type, ...listReverseChainTypes(rest.slice(1))]
  const last = rest.join(':')
  return [type, ...(last.includes('.') ? listChainTypes(last) : [])]
}

/** `subject:Patient.name`, `patient.organization.name`: each link but the last one refers to a type. */
function listChainTypes(name: string): readonly string[] {
  const links = name.split('.')
  if (links.some((link) => /^_has\b/i.test(link))) return ['*']
  return links.slice(0, -1).map((link) => {
    const [parameter = '', type = findTarget(parameter), ...more] = link.split(':')
    return more.length > 0 ? '*' : type
  })
}
