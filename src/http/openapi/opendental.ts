import { z } from '@hono/zod-openapi'
import type { OpenApiRoute } from './document.ts'
import {
  challengeHeaders,
  describeDataRoutes,
  describeProxyRefusals,
  describeRefusals,
  describeResponse,
  type VendorDocument,
  type VendorRoute,
} from './vendor-document.ts'

const explanation = z.string().openapi('Explanation')

const customerKey = z
  .object({
    CustomerKey: z.string(),
    KeyStatus: z.enum([
      'Enabled',
      'DisabledByDeveloper',
      'DisabledByCustomer',
      'DisabledByHQ',
      'EnabledReadOnly',
      'Unknown',
    ]),
    DateCreated: z.iso.date().openapi({ description: 'In UTC' }),
    DateDisabled: z.iso.date().openapi({ description: '0001-01-01 if it is not disabled' }),
    DateTimeAssigned: z
      .string()
      .openapi({ description: 'yyyy-MM-dd HH:mm:ss; 0001-01-01 00:00:00 if no office uses it' }),
    DevRefId: z.string().openapi({ description: 'Your own reference' }),
  })
  .openapi('CustomerKey')

const change = customerKey
  .partial()
  .required({ CustomerKey: true })
  .extend({ KeyStatus: z.enum(['Enabled', 'DisabledByDeveloper']).optional() })
  .openapi('CustomerKeyChange', { description: 'What you omit stays unchanged' })

const { 403: _, ...refusals } = describeRefusals(explanation, { hasChallenge: true })

const keyListResponses: OpenApiRoute['responses'] = {
  400: describeResponse('The body cannot be read, or the change is not possible', explanation),
  ...refusals,
  413: describeResponse('The body is too long', explanation),
}

const KEY_LIST_PATHS = [
  { path: '/apikeys', suffix: '' },
  { path: '/api/v1/apikeys', suffix: 'BelowApi' },
]

const keyListRoutes = KEY_LIST_PATHS.flatMap(({ path, suffix }): VendorRoute[] => [
  {
    method: 'get',
    path,
    operationId: `listCustomerKeys${suffix}`,
    summary: 'List your customer keys',
    security: [{ portalKey: [] }],
    responses: {
      200: describeResponse('All keys', z.array(customerKey)),
      ...keyListResponses,
    },
  },
  {
    method: 'post',
    path,
    operationId: `createCustomerKey${suffix}`,
    summary: 'Create a customer key',
    security: [{ portalKey: [] }],
    request: {
      body: { required: false, content: { 'application/json': { schema: z.strictObject({}) } } },
    },
    responses: { 201: describeResponse('The new key', customerKey), ...keyListResponses },
  },
  {
    method: 'put',
    path,
    operationId: `updateCustomerKey${suffix}`,
    summary: 'Change the status or the reference of a customer key',
    security: [{ portalKey: [] }],
    request: { body: { required: true, content: { 'application/json': { schema: change } } } },
    responses: {
      200: describeResponse('The changed key', customerKey),
      404: describeResponse('You have no such key', explanation),
      ...keyListResponses,
    },
  },
])

const officeResponses: OpenApiRoute['responses'] = {
  400: describeResponse('No office has assigned the key', explanation),
  ...refusals,
  401: describeResponse('The keys are missing, wrong or not allowed', explanation, {
    headers: challengeHeaders,
  }),
  ...describeProxyRefusals(explanation),
}

export const opendentalDocument: VendorDocument = {
  title: 'Open Dental-style API keys',
  description:
    'Manage your customer keys with your developer portal key, and use the data of an office with its customer key.',
  security: {
    customerKey: {
      type: 'apiKey',
      in: 'header',
      name: 'Authorization',
      description: 'ODFHIR {DeveloperKey}/{CustomerKey}',
    },
    portalKey: {
      type: 'apiKey',
      in: 'header',
      name: 'Authorization',
      description: 'ODFHIR {DeveloperKey}/{DeveloperPortalKey}',
    },
  },
  routes: [...keyListRoutes, ...describeDataRoutes('opendental', '/api/v1', officeResponses)],
}
