import { readPastedKeySet } from '../../domain/client-key-set.ts'
import { ok } from '../../domain/failure.ts'
import { toStoredId } from '../../domain/id.ts'
import type { KeyType } from '../../domain/key-type.ts'
import {
  DEFAULT_TOKEN_LIFETIME_SECONDS,
  hasSecret,
  MAX_TOKEN_LIFETIME_SECONDS,
  MIN_TOKEN_LIFETIME_SECONDS,
  type OAuthClientSettings,
  type SigningAlgorithm,
} from '../../domain/oauth-client.ts'
import { PERMISSIONS, type Permission } from '../../domain/role.ts'
import {
  ADMIN_SCOPE_PREFIX,
  isScope,
  isSystemScope,
  listAdminPermissions,
} from '../../domain/scope.ts'
import type { ManagementStorage } from '../account-scope.ts'
import type { ClientKeys, KeySetReport } from '../oauth/client-keys.ts'
import type { AuditEventFacts } from '../ports/audit.ts'
import type { ResourceStorage } from '../ports/storage.ts'
import { failForbidden, failInvalid, failNotFound, type ServiceResult } from '../service-result.ts'
import { findKey } from './input.ts'

/** The settings of a new client, or a change of them. Omitted ones have their default, or stay unchanged. */
export type OAuthClientInput = {
  readonly [Field in keyof OAuthClientSettings]?: OAuthClientSettings[Field] | undefined
}

export interface OAuthClientDeps {
  readonly storage: Pick<ResourceStorage, 'findSource' | 'findSite'>
  /** Tests if the actor may give a permission to a client, which has it as an `admin:` scope. */
  readonly canGrant: (permission: Permission) => boolean
  /** Tests if the key ring has a key that signs tokens with this algorithm. */
  readonly canSign: (algorithm: SigningAlgorithm) => boolean
}

/** The settings of a client that was created with none. */
export const NEW_CLIENT: OAuthClientSettings = {
  authenticationMethod: 'private_key_jwt',
  jwksUrl: null,
  jwks: null,
  scopes: [],
  audience: null,
  tokenStrategy: 'jwt',
  signingAlgorithm: 'ES256',
  tokenTypeHeader: 'at+jwt',
  tokenLifetimeSeconds: DEFAULT_TOKEN_LIFETIME_SECONDS,
  repeatedAssertions: 'refused',
  sourceIds: [],
  siteIds: [],
}

const MAX_SCOPES = 100
const MAX_RESOURCES = 100
const MAX_JWKS_LENGTH = 65_536
const MAX_URL_LENGTH = 2000
const MAX_AUDIENCE_LENGTH = 500

/** Validates the settings of a client of this account. `current`: those that it has; null for a new one. */
export async function parseOAuthClientInput(
  deps: OAuthClientDeps,
  input: OAuthClientInput,
  accountId: string,
  current: OAuthClientSettings | null,
): Promise<ServiceResult<OAuthClientSettings>> {
  const settings: OAuthClientSettings = { ...(current ?? NEW_CLIENT), ...omitUndefined(input) }
  if (current !== null && settings.authenticationMethod !== current.authenticationMethod) {
    return failInvalid(
      'the authentication method of a client cannot change: create another client',
      'authenticationMethod',
    )
  }
  const scopes = parseScopes(settings)
  if (!scopes.ok) return scopes
  const isGranted = requireGrantable(deps, [...(current?.scopes ?? []), ...scopes.value])
  if (!isGranted.ok) return isGranted
  const invalid = checkClientKeys(settings) ?? checkTokens(settings, deps)
  if (invalid !== null) return invalid
  const sourceIds = await parseResources('source', settings.sourceIds, accountId, deps)
  if (!sourceIds.ok) return sourceIds
  const siteIds = await parseResources('site', settings.siteIds, accountId, deps)
  if (!siteIds.ok) return siteIds
  return ok({
    ...settings,
    scopes: scopes.value,
    sourceIds: sourceIds.value,
    siteIds: siteIds.value,
  })
}

/** The settings that differ from these, as facts for the audit: by default, from those of a new client. */
export function toClientFacts(
  client: OAuthClientSettings,
  before: OAuthClientSettings = NEW_CLIENT,
): Record<string, AuditEventFacts[string]> {
  const names = Object.keys(NEW_CLIENT) as (keyof OAuthClientSettings)[]
  const facts = names.map((name) => [name, toFact(client[name])] as const)
  return Object.fromEntries(facts.filter(([name, fact]) => fact !== toFact(before[name])))
}

const toFact = (value: OAuthClientSettings[keyof OAuthClientSettings]) =>
  typeof value === 'object' && value !== null ? value.join(' ') : value

const omitUndefined = (input: OAuthClientInput) =>
  Object.fromEntries(
    Object.entries(input).filter(([, value]) => value !== undefined),
  ) as Partial<OAuthClientSettings>

const suggestScopes = (unknown: string): string =>
  unknown.startsWith(ADMIN_SCOPE_PREFIX)
    ? `${ADMIN_SCOPE_PREFIX} and one of ${PERMISSIONS.join(', ')}`
    : 'fhir:production, system/Patient.rs, introspect or admin:keys.read'

function parseScopes({
  authenticationMethod,
  scopes,
}: OAuthClientSettings): ServiceResult<readonly string[]> {
  if (scopes.length === 0) return failInvalid('a client needs at least one scope', 'scopes')
  if (scopes.length > MAX_SCOPES)
    return failInvalid(`a client has at most ${MAX_SCOPES} scopes`, 'scopes')
  const unknown = scopes.find((scope) => !isScope(scope))
  if (unknown !== undefined) {
    return failInvalid(
      `there is no scope ${JSON.stringify(unknown)}: write ${suggestScopes(unknown)}`,
      'scopes',
    )
  }
  if (authenticationMethod !== 'private_key_jwt' && scopes.some(isSystemScope)) {
    return failInvalid(
      'system/ scopes are only for clients that authenticate by private_key_jwt',
      'scopes',
    )
  }
  return ok([...new Set(scopes)])
}

/**
 * Requires that the actor may grant the permissions of these scopes. Also for scopes that the client has:
 * a user who changes its keys can have its tokens, which can do more under another owner.
 */
export function requireGrantable(
  { canGrant }: Pick<OAuthClientDeps, 'canGrant'>,
  scopes: readonly string[],
): ServiceResult<void> {
  const refused = listAdminPermissions(scopes).find((permission) => !canGrant(permission))
  return refused === undefined
    ? ok(undefined)
    : failForbidden(
        `the scope admin:${refused} needs an administrator or operator who has that permission`,
      )
}

/** Refuses settings of a client for a key of another type. */
export const failWithoutClient = (keyType: KeyType, input: OAuthClientInput) =>
  failInvalid(
    `keys of this type (${keyType}) have no settings of an OAuth client`,
    Object.keys(input)[0] ?? 'oauthClient',
  )

type Invalid = ReturnType<typeof failInvalid>

function checkClientKeys(settings: OAuthClientSettings): Invalid | null {
  const { authenticationMethod, jwksUrl, jwks } = settings
  const hasKeys = jwksUrl !== null || jwks !== null
  if (authenticationMethod !== 'private_key_jwt') {
    const field = jwks === null ? 'jwksUrl' : 'jwks'
    return hasKeys ? failInvalid('a client with a secret has no JWK Set', field) : null
  }
  if (!hasKeys) {
    return failInvalid(
      'a client that authenticates by private_key_jwt needs a JWK Set or its URL',
      'jwksUrl',
    )
  }
  if (jwksUrl !== null && !isJwksUrl(jwksUrl)) {
    return failInvalid(
      'the URL of the JWK Set must begin with https://, and have no user name and no fragment',
      'jwksUrl',
    )
  }
  const problem = jwks === null ? null : findJwksProblem(jwks)
  return problem === null ? null : failInvalid(problem, 'jwks')
}

function isJwksUrl(text: string): boolean {
  const url = URL.parse(text)
  return (
    url?.protocol === 'https:' &&
    url.username === '' &&
    url.password === '' &&
    !text.includes('#') &&
    text.length <= MAX_URL_LENGTH
  )
}

/** A private key that was pasted must be replaced, so nothing of the text is repeated. */
function findJwksProblem(text: string): string | null {
  if (text.length > MAX_JWKS_LENGTH) return 'the JWK Set must not be longer than 64 KB'
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch {
    return 'the JWK Set is not JSON'
  }
  const set = readPastedKeySet(value)
  return set.ok ? null : `the JWK Set cannot be used: ${set.failure.detail}`
}

function checkTokens(
  { tokenStrategy, signingAlgorithm, tokenLifetimeSeconds, audience }: OAuthClientSettings,
  { canSign }: Pick<OAuthClientDeps, 'canSign'>,
): Invalid | null {
  if (tokenStrategy === 'jwt' && !canSign(signingAlgorithm)) {
    return failInvalid(
      `the key ring has no key that signs with ${signingAlgorithm}: add one by \`latchkey keyring rotate ${signingAlgorithm}\`, or choose another algorithm`,
      'signingAlgorithm',
    )
  }
  if (
    !Number.isInteger(tokenLifetimeSeconds) ||
    tokenLifetimeSeconds < MIN_TOKEN_LIFETIME_SECONDS ||
    tokenLifetimeSeconds > MAX_TOKEN_LIFETIME_SECONDS
  ) {
    return failInvalid(
      `tokens live for ${MIN_TOKEN_LIFETIME_SECONDS} to ${MAX_TOKEN_LIFETIME_SECONDS} seconds`,
      'tokenLifetimeSeconds',
    )
  }
  const isAudience =
    audience === null || (/^[\x21-\x7e]+$/.test(audience) && audience.length <= MAX_AUDIENCE_LENGTH)
  return isAudience
    ? null
    : failInvalid(
        `the audience must be 1 to ${MAX_AUDIENCE_LENGTH} printable ASCII characters without blanks`,
        'audience',
      )
}

async function parseResources(
  label: 'source' | 'site',
  ids: readonly string[],
  accountId: string,
  { storage }: OAuthClientDeps,
): Promise<ServiceResult<readonly string[]>> {
  const storedIds = [...new Set(ids.map(toStoredId))].sort()
  if (storedIds.length > MAX_RESOURCES) {
    return failInvalid(`a client has at most ${MAX_RESOURCES} ${label}s`, `${label}Ids`)
  }
  const find = { source: storage.findSource, site: storage.findSite }[label]
  const rows = await Promise.all(storedIds.map((id) => find(id)))
  for (const [n, row] of rows.entries()) {
    if (row === null) return failNotFound(`there is no ${label} ${storedIds[n]}`)
    if (row.accountId !== accountId) {
      return failInvalid(
        `${label} ${row.id} and the owner of the client are in different accounts`,
        `${label}Ids`,
      )
    }
  }
  return ok(storedIds)
}

export interface JwksTestDeps {
  readonly storage: Pick<ManagementStorage, 'findKeySummary'>
  readonly clientKeys: Pick<ClientKeys, 'report'>
}

export const createJwksTest = ({ storage, clientKeys }: JwksTestDeps) => ({
  /** Fetches the JWK Set of a client anew, and reports which keys can verify its assertions. */
  async testJwks(id: string): Promise<ServiceResult<KeySetReport>> {
    const key = await findKey(storage, id)
    if (!key.ok) return key
    const { oauthClient } = key.value
    return oauthClient === null || hasSecret(key.value)
      ? failInvalid('only an OAuth client that signs assertions has a JWK Set')
      : ok(await clientKeys.report({ ...oauthClient, keyId: key.value.id }))
  },
})
