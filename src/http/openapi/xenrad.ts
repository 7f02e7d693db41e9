import { z } from '@hono/zod-openapi'
import type { OpenApiRoute } from './document.ts'
import {
  describeProxyRefusals,
  describeRefusals,
  describeResponse,
  type VendorDocument,
  type VendorRoute,
} from './vendor-document.ts'

const FHIR_TYPE = 'application/fhir+json'
const HL7_TYPE = 'text/plain; charset=utf-8'

const outcome = z
  .object({
    resourceType: z.literal('OperationOutcome'),
    issue: z.array(
      z.object({
        severity: z.literal('error'),
        code: z.string(),
        details: z.object({ text: z.string() }),
      }),
    ),
  })
  .openapi('OperationOutcome')
const explanation = z.string()
const mppsError = z.object({ success: z.literal(false), error: z.string() }).openapi('MppsError')

const fhirResponses: OpenApiRoute['responses'] = {
  ...describeRefusals(outcome, { type: FHIR_TYPE, hasChallenge: true }),
  ...describeProxyRefusals(outcome, FHIR_TYPE),
}
const publicResponses: OpenApiRoute['responses'] = {
  ...describeProxyRefusals(outcome, FHIR_TYPE),
  503: describeResponse('The server is busy', outcome, { type: FHIR_TYPE }),
}
const hl7Responses: OpenApiRoute['responses'] = {
  ...describeRefusals(explanation, { type: HL7_TYPE, hasChallenge: true }),
  ...describeProxyRefusals(explanation, HL7_TYPE),
}

const resource = z.looseObject({ resourceType: z.string() }).openapi('Resource')
const resourceBody = { body: { required: true, content: { [FHIR_TYPE]: { schema: resource } } } }
const typeParams = z.object({ type: z.string().openapi({ example: 'Patient' }) })
const instanceParams = typeParams.extend({ id: z.string() })

const FHIR_REQUESTS = [
  ['get', '/fhir/{type}', 'searchResources', 'Search', { params: typeParams }],
  ['post', '/fhir/{type}', 'createResource', 'Create', { params: typeParams, ...resourceBody }],
  ['get', '/fhir/{type}/{id}', 'readResource', 'Read', { params: instanceParams }],
  ['delete', '/fhir/{type}/{id}', 'deleteResource', 'Delete', { params: instanceParams }],
  [
    'patch',
    '/fhir/{type}/{id}',
    'patchResource',
    'Patch',
    { params: instanceParams, ...resourceBody },
  ],
  [
    'put',
    '/fhir/{type}/{id}',
    'updateResource',
    'Update',
    { params: instanceParams, ...resourceBody },
  ],
  ['post', '/fhir', 'sendBundle', 'Send a batch or a transaction', resourceBody],
] as const

const fhirRoutes = FHIR_REQUESTS.map(
  ([method, path, operationId, summary, request]): VendorRoute => ({
    method,
    path,
    operationId,
    summary,
    request,
    // The vendor documents no PATCH and no DELETE for the key of a site.
    security: [
      ...(method === 'patch' || method === 'delete' ? [] : [{ apiKey: [] }]),
      { accessToken: [] },
    ],
    surface: 'fhir',
    responses: fhirResponses,
  }),
)

export const xenradDocument: VendorDocument = {
  title: 'Xenrad-style site keys: FHIR, HL7 and MPPS',
  description:
    'One key gives access to the data of one site. FHIR also takes the access tokens of OAuth clients. Send the key or the token with every request.',
  security: {
    apiKey: { type: 'apiKey', in: 'header', name: 'X-API-Key', description: 'The key of a site' },
    accessToken: {
      type: 'http',
      scheme: 'bearer',
      description: 'The access token of an OAuth client, within its system/… scopes',
    },
  },
  routes: [
    {
      method: 'get',
      path: '/fhir/metadata',
      surface: 'fhir',
      operationId: 'getCapabilityStatement',
      summary: 'Read what the FHIR server supports',
      security: [],
      responses: publicResponses,
    },
    ...fhirRoutes,
    {
      method: 'post',
      path: '/v2/ingest',
      surface: 'hl7',
      operationId: 'sendHl7V2',
      summary: 'Send an HL7 v2 message',
      request: {
        body: {
          required: true,
          content: Object.fromEntries(
            [
              'text/plain',
              'application/hl7-v2',
              'application/hl7-v2+er7',
              'x-application/hl7-v2+er7',
            ].map((type) => [type, { schema: z.string() }]),
          ),
        },
      },
      responses: {
        ...hl7Responses,
        415: describeResponse('The body has another type', explanation, { type: HL7_TYPE }),
      },
    },
    {
      method: 'post',
      path: '/v3/ingest',
      surface: 'hl7',
      operationId: 'sendHl7V3',
      summary: 'Send an HL7 v3 message',
      request: {
        body: { required: true, content: { 'application/xml': { schema: z.string() } } },
      },
      responses: hl7Responses,
    },
    {
      method: 'post',
      path: '/ingest',
      surface: 'mpps',
      operationId: 'sendProcedureStep',
      summary: 'Send the state of a procedure step',
      request: {
        body: {
          required: true,
          content: {
            'application/json': {
              schema: z
                .object({
                  sop_instance_uid: z.string(),
                  study_uid: z.string(),
                  status: z.enum(['IN PROGRESS', 'COMPLETED', 'DISCONTINUED']),
                  attributes: z.looseObject({}).optional(),
                })
                .openapi('ProcedureStep'),
            },
          },
        },
      },
      responses: {
        ...describeRefusals(mppsError, { hasChallenge: true }),
        ...describeProxyRefusals(mppsError),
        200: describeResponse(
          'The step is recorded',
          z.object({ success: z.literal(true), session_id: z.string() }).openapi('Recorded'),
        ),
        415: describeResponse('The body has another type', mppsError),
      },
    },
  ],
}
