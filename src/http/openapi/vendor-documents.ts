import type { Hono } from 'hono'
import type { Surface } from '../../domain/key-type.ts'
import { createJsonTextReply, type Reply, toResponse } from '../reply.ts'
import { type HttpDeps, identifyCaller } from '../request.ts'
import { buildOpenApiDocument } from './document.ts'
import { oauthDocument } from './oauth.ts'
import { opendentalDocument } from './opendental.ts'
import { practiceDocument } from './practice.ts'
import { redoxDocument } from './redox.ts'
import type { VendorDocument } from './vendor-document.ts'
import { xdentDocument } from './xdent.ts'
import { xenradDocument } from './xenrad.ts'

/** Within a version, members may be added, but none is removed or changed. */
const DOCUMENT_VERSION = '1.0.0'

const VENDOR_DOCUMENTS = {
  redox: redoxDocument,
  oauth: oauthDocument,
  opendental: opendentalDocument,
  xdent: xdentDocument,
  practice: practiceDocument,
  xenrad: xenradDocument,
} as const satisfies Record<string, VendorDocument>

export interface VendorDocumentDeps {
  readonly publicUrl: string
  /** The surfaces with an upstream. Requests to others are in no document. */
  readonly upstreams: Readonly<Partial<Record<Surface, URL>>>
}

/** Builds the OpenAPI documents of what vendors can request from this server, by name. */
export function buildVendorDocuments({ publicUrl, upstreams }: VendorDocumentDeps) {
  return Object.entries(VENDOR_DOCUMENTS).flatMap(([name, vendor]) => {
    const { title, description, security, routes } = vendor
    const offered = routes.flatMap(({ surface, ...route }) =>
      surface === undefined || upstreams[surface] !== undefined ? [route] : [],
    )
    if (offered.length === 0) return []
    const [scheme = ''] = Object.keys(security)
    const document = buildOpenApiDocument(
      {
        info: { title, version: DOCUMENT_VERSION, description },
        servers: [{ url: publicUrl }],
        security: [{ [scheme]: [] }],
      },
      offered,
      (registry) => {
        for (const [each, value] of Object.entries(security)) {
          registry.registerComponent('securitySchemes', each, value)
        }
      },
    )
    return [{ name, title, url: `${publicUrl}${toDocumentPath(name)}`, document }]
  })
}

const toDocumentPath = (name: string) => `/openapi/${name}.json`

/** Public, and readable from every web page. */
const PUBLIC_HEADERS = { 'Access-Control-Allow-Origin': '*' }

const CATALOG_PATH = '/.well-known/api-catalog'

/** Serves the documents, and the catalog that lists them (RFC 9727). */
export function addVendorDocumentRoutes(app: Hono, deps: HttpDeps & VendorDocumentDeps): void {
  const { publicUrl } = deps
  const documents = buildVendorDocuments(deps)
  const catalog = {
    linkset: [
      {
        anchor: publicUrl,
        'service-desc': documents.map(({ title, url }) => ({
          href: url,
          type: 'application/json',
          title,
        })),
      },
    ],
  }
  const addFile = (path: string, reply: Reply) =>
    app.get(path, (c) => toResponse(reply, identifyCaller(deps, c)))

  for (const { name, document } of documents) {
    const text = JSON.stringify(document)
    addFile(toDocumentPath(name), createJsonTextReply(200, text, PUBLIC_HEADERS))
  }
  addFile(CATALOG_PATH, {
    status: 200,
    type: 'application/linkset+json; profile="https://www.rfc-editor.org/info/rfc9727"',
    body: JSON.stringify(catalog),
    headers: { ...PUBLIC_HEADERS, Link: `<${publicUrl}${CATALOG_PATH}>; rel="api-catalog"` },
  })
}
