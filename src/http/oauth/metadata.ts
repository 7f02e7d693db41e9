import { type Context, Hono } from 'hono'
import { parseBasePath } from '../../domain/base-path.ts'
import { ASSERTION_ALGORITHMS } from '../../domain/client-assertion.ts'
import { AUTHENTICATION_METHODS } from '../../domain/oauth-client.ts'
import { INTROSPECTION_SCOPE, VENDOR_SCOPES } from '../../domain/scope.ts'
import { createJsonReply, toResponse } from '../reply.ts'
import { type HttpDeps, identifyCaller } from '../request.ts'

/*
 * The documents of discovery: the server's metadata (RFC 8414), the FHIR surface's (SMART App Launch 2.2
 * §2.1.1; RFC 9728), and the keys that verify tokens (RFC 7517). All of it is public, and for scripts of any
 * origin.
 */

/** The paths of the endpoints below the issuer. An endpoint that is absent is not announced. */
export interface OAuthEndpoints {
  readonly token: string
  readonly introspection?: string
  readonly revocation?: string
}

export interface MetadataDeps extends HttpDeps {
  /** The issuer, without a trailing slash. */
  readonly publicUrl: string
  /** Public keys as JWKs: next, current and retired. */
  readonly getPublicKeys: () => readonly object[]
}

const JWKS_PATH = '/.well-known/jwks.json'
const SERVER_METADATA_PATHS = [
  '/.well-known/oauth-authorization-server',
  // For clients of OpenID Connect Discovery, which reads the same members.
  '/.well-known/openid-configuration',
]
const RESOURCE_METADATA_PATH = '/.well-known/oauth-protected-resource'
const FHIR_PATH = '/fhir'
const SMART_METADATA_PATH = `${FHIR_PATH}/.well-known/smart-configuration`

/** Scopes stand for those that a client can be registered with. Those of the management API are not announced. */
const FHIR_SCOPES = [
  'system/*.cruds',
  'system/*.rs',
  'system/*.read',
  'system/*.write',
  'system/*.*',
]
const RESOURCE_SCOPES = [...VENDOR_SCOPES, ...FHIR_SCOPES]

const PUBLIC_HEADERS = {
  'Cache-Control': 'public, max-age=300',
  'Access-Control-Allow-Origin': '*',
}

export function createMetadataRoutes(deps: MetadataDeps, endpoints: OAuthEndpoints): Hono {
  const { publicUrl } = deps
  const basePath = parseBasePath(publicUrl)
  const app = new Hono()

  const serverMetadata = createServerMetadata(publicUrl, endpoints)
  for (const path of SERVER_METADATA_PATHS) {
    // RFC 8414 §3.1 inserts the well-known part before the issuer's path; OpenID appends it.
    for (const place of new Set([path, path + basePath])) {
      addDocument(app, place, deps, () => serverMetadata)
    }
  }

  const smartMetadata = createSmartMetadata(publicUrl, endpoints)
  addDocument(app, SMART_METADATA_PATH, deps, () => smartMetadata)

  for (const [path, resource] of listResources(publicUrl, basePath)) {
    const resourceMetadata = {
      resource,
      authorization_servers: [publicUrl],
      scopes_supported: RESOURCE_SCOPES,
      bearer_methods_supported: ['header'],
    }
    addDocument(app, RESOURCE_METADATA_PATH + path, deps, () => resourceMetadata)
  }

  addDocument(
    app,
    JWKS_PATH,
    deps,
    () => ({ keys: deps.getPublicKeys() }),
    'application/jwk-set+json',
  )
  return app
}

/** Returns the URL of the FHIR surface's metadata, for challenges (RFC 9728 §5.1). */
export const getFhirMetadataUrl = (publicUrl: string): string =>
  new URL(publicUrl).origin + RESOURCE_METADATA_PATH + parseBasePath(publicUrl) + FHIR_PATH

/** Answers GET, HEAD, and the question of a browser's script whether it may ask. */
function addDocument(
  app: Hono,
  path: string,
  deps: MetadataDeps,
  getDocument: () => object,
  type = 'application/json',
): void {
  const respond = (c: Context, reply: Parameters<typeof toResponse>[0]) =>
    toResponse(reply, identifyCaller(deps, c))
  app.get(path, (c) => respond(c, { ...createJsonReply(200, getDocument(), PUBLIC_HEADERS), type }))
  app.options(path, (c) => {
    const headers = {
      'Access-Control-Allow-Origin': '*',
      'Access-Control-Allow-Methods': 'GET',
      'Access-Control-Allow-Headers': '*',
    }
    return respond(c, createJsonReply(200, {}, headers))
  })
}

/** RFC 8414 §2. There is no authorization endpoint, and so no response type. */
function createServerMetadata(issuer: string, endpoints: OAuthEndpoints) {
  const authentication = {
    methods: AUTHENTICATION_METHODS,
    algorithms: ASSERTION_ALGORITHMS,
  }
  return {
    issuer,
    jwks_uri: issuer + JWKS_PATH,
    ...describeEndpoint('token', issuer, endpoints.token, authentication),
    ...describeEndpoint('introspection', issuer, endpoints.introspection, authentication),
    ...describeEndpoint('revocation', issuer, endpoints.revocation, authentication),
    grant_types_supported: ['client_credentials'],
    response_types_supported: [],
    scopes_supported: [...RESOURCE_SCOPES, INTROSPECTION_SCOPE],
    code_challenge_methods_supported: ['S256'],
  }
}

/** SMART App Launch 2.2 §2.1.1. `issuer` is for servers of OpenID Connect only. */
function createSmartMetadata(issuer: string, endpoints: OAuthEndpoints) {
  return {
    ...describeEndpoint('token', issuer, endpoints.token, {
      methods: ['private_key_jwt'],
      algorithms: ASSERTION_ALGORITHMS,
    }),
    ...(endpoints.introspection && {
      introspection_endpoint: issuer + endpoints.introspection,
    }),
    ...(endpoints.revocation && { revocation_endpoint: issuer + endpoints.revocation }),
    grant_types_supported: ['client_credentials'],
    scopes_supported: FHIR_SCOPES,
    // Required of every server, though there is no endpoint for a code.
    code_challenge_methods_supported: ['S256'],
    capabilities: ['client-confidential-asymmetric', 'permission-v1', 'permission-v2'],
  }
}

interface Authentication {
  readonly methods: readonly string[]
  readonly algorithms: readonly string[]
}

const describeEndpoint = (
  name: keyof OAuthEndpoints,
  issuer: string,
  path: string | undefined,
  { methods, algorithms }: Authentication,
): Readonly<Record<string, unknown>> =>
  path === undefined
    ? {}
    : {
        [`${name}_endpoint`]: issuer + path,
        [`${name}_endpoint_auth_methods_supported`]: methods,
        [`${name}_endpoint_auth_signing_alg_values_supported`]: algorithms,
      }

/**
 * Lists the path behind the well-known part, and the resource (RFC 9728 §3.1): a client compares it with the URL
 * that it called. A path of the issuer arrives without it where the well-known part is appended.
 */
const listResources = (publicUrl: string, basePath: string): ReadonlyMap<string, string> =>
  new Map([
    ['', publicUrl],
    [basePath, publicUrl],
    [`${basePath}/`, `${publicUrl}/`],
    [basePath + FHIR_PATH, publicUrl + FHIR_PATH],
    [`${basePath}${FHIR_PATH}/`, `${publicUrl}${FHIR_PATH}/`],
  ])
