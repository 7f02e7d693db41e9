import type { OAuthClientSettings } from './oauth-client.ts'
import { PERMISSIONS } from './role.ts'

/*
 * The scopes of OAuth clients: the vendor's, SMART App Launch 2.2 for backend services (both grammars),
 * introspection, and the permissions of the management API.
 */

/** Interactions with FHIR resources, by their letters in SMART v2, in the only order that it allows. */
export const FHIR_LETTERS = ['c', 'r', 'u', 'd', 's'] as const
export type FhirLetter = (typeof FHIR_LETTERS)[number]

/** The names of SMART v1, as letters. */
const LETTERS_BY_V1_NAME: Readonly<Record<string, string>> = {
  read: 'rs',
  write: 'cud',
  '*': 'cruds',
}

export const VENDOR_SCOPES = ['fhir:development', 'fhir:staging', 'fhir:production'] as const

/** Lets a token call the introspection endpoint. */
export const INTROSPECTION_SCOPE = 'introspect'

export const ADMIN_SCOPE_PREFIX = 'admin:'

/** The scopes that are granted only as registered. */
const PLAIN_SCOPES: ReadonlySet<string> = new Set([
  ...VENDOR_SCOPES,
  INTROSPECTION_SCOPE,
  ...PERMISSIONS.map((permission) => ADMIN_SCOPE_PREFIX + permission),
])

/** A parsed `system/…` scope. */
interface SystemScope {
  /** A resource type, or `*` for all. */
  readonly type: string
  readonly letters: ReadonlySet<FhirLetter>
  readonly isV1: boolean
}

/**
 * Parses a `system/` scope of SMART v1 or v2. Returns null for other contexts, unordered letters, and
 * scopes with a query (`?…`), which this server does not enforce and so never grants.
 */
function parseSystemScope(text: string): SystemScope | null {
  const [, type, v1, v2] =
    /^system\/(\*|[A-Z][A-Za-z]{0,63})\.(?:(read|write|\*)|(c?r?u?d?s?))$/.exec(text) ?? []
  const letters = v1 === undefined ? v2 : LETTERS_BY_V1_NAME[v1]
  if (type === undefined || !letters) return null
  const set = new Set(FHIR_LETTERS.filter((letter) => letters.includes(letter)))
  return { type, letters: set, isV1: v1 !== undefined }
}

/** True for a scope that a client can be registered with. */
export const isScope = (text: string): boolean =>
  PLAIN_SCOPES.has(text) || parseSystemScope(text) !== null

export const isSystemScope = (text: string): boolean => parseSystemScope(text) !== null

/** Splits a `scope` parameter (RFC 6749 §3.3). Repeated scopes count once. */
export const splitScopes = (text: string): readonly string[] => [
  ...new Set(text.split(' ').filter((scope) => scope !== '')),
]

/**
 * Grants what is both requested and registered. Null requests everything. A wider `system/` scope is
 * narrowed to its registered part, in the grammar of the request where it can say that. An empty list
 * means that nothing is left, which is `invalid_scope`.
 */
export function grantScopes(
  requested: string | null,
  registered: readonly string[],
  { allowsSystem }: { readonly allowsSystem: boolean },
): readonly string[] {
  const usable = registered.filter(
    (scope) => isScope(scope) && (allowsSystem || !isSystemScope(scope)),
  )
  if (requested === null) return [...new Set(usable)]
  const registeredLetters = collectLetters(usable)
  const granted = splitScopes(requested).flatMap((scope) => {
    if (PLAIN_SCOPES.has(scope)) return usable.includes(scope) ? [scope] : []
    const parsed = parseSystemScope(scope)
    return parsed === null ? [] : narrowSystemScope(scope, parsed, registeredLetters)
  })
  return [...new Set(granted)]
}

/** Lists the scopes of a token that its client still has. A scope that was taken from it ends at once. */
export function listCurrentScopes(
  scope: string,
  { scopes: registered, authenticationMethod }: OAuthClientSettings,
): readonly string[] {
  const scopes = splitScopes(scope)
  return scopes.every((each) => registered.includes(each))
    ? scopes
    : grantScopes(scope, registered, {
        allowsSystem: authenticationMethod === 'private_key_jwt',
      })
}

/** The scopes of messages, of which a client's token needs one. */
export const MESSAGE_SCOPES = VENDOR_SCOPES.join(' ')

export const allowsMessages = (scopes: readonly string[]): boolean =>
  VENDOR_SCOPES.some((scope) => scopes.includes(scope))

/** True if a scope is about services behind this server, and not only about the server itself. */
export const allowsServices = (scopes: readonly string[]): boolean =>
  allowsMessages(scopes) || scopes.some(isSystemScope)

/** The letters of each type, without those of `*`, which is an entry of its own. */
type LettersByType = ReadonlyMap<string, ReadonlySet<FhirLetter>>

function collectLetters(scopes: readonly string[]): LettersByType {
  const letters = new Map<string, Set<FhirLetter>>()
  for (const scope of scopes) {
    const parsed = parseSystemScope(scope)
    if (parsed === null) continue
    const known = letters.get(parsed.type) ?? new Set()
    for (const letter of parsed.letters) known.add(letter)
    letters.set(parsed.type, known)
  }
  return letters
}

const hasLetter = (letters: LettersByType, type: string, letter: FhirLetter): boolean =>
  letters.get('*')?.has(letter) === true || letters.get(type)?.has(letter) === true

function narrowSystemScope(
  scope: string,
  { type, letters, isV1 }: SystemScope,
  registered: LettersByType,
): readonly string[] {
  const narrow = (toType: string) =>
    FHIR_LETTERS.filter((letter) => letters.has(letter) && hasLetter(registered, toType, letter))
  const grantedLetters = narrow(type)
  if (grantedLetters.length === letters.size) return [scope]
  const narrowed = grantedLetters.length > 0 ? [formatSystemScope(type, grantedLetters, isV1)] : []
  if (type !== '*') return narrowed
  // Single types may be registered with more letters than all types together.
  for (const single of [...registered.keys()].sort()) {
    const singleLetters = narrow(single)
    if (single !== '*' && singleLetters.length > grantedLetters.length) {
      narrowed.push(formatSystemScope(single, singleLetters, isV1))
    }
  }
  return narrowed
}

function formatSystemScope(type: string, letters: readonly FhirLetter[], asV1: boolean): string {
  const text = letters.join('')
  const [v1] = Object.entries(LETTERS_BY_V1_NAME).find(([, each]) => each === text) ?? []
  return `system/${type}.${asV1 && v1 !== undefined ? v1 : text}`
}

/** The requests that granted scopes allow on a FHIR surface. */
export interface FhirGrant {
  /** `*` asks for all types at once, which the scopes of single types do not add up to. */
  allows(type: string, letter: FhirLetter): boolean
}

export function createFhirGrant(scopes: readonly string[]): FhirGrant {
  const letters = collectLetters(scopes)
  return { allows: (type, letter) => hasLetter(letters, type, letter) }
}

/** Lists the permissions that granted `admin:` scopes stand for. */
export const listAdminPermissions = (scopes: readonly string[]) =>
  PERMISSIONS.filter((permission) => scopes.includes(ADMIN_SCOPE_PREFIX + permission))
