import { z } from '@hono/zod-openapi'
import {
  describeDataRoutes,
  describeProxyRefusals,
  describeRefusals,
  describeResponse,
  type VendorDocument,
} from './vendor-document.ts'

const xdentError = z
  .object({
    Code: z.string(),
    Message: z.string(),
    RetryAfterSeconds: z.number().int().optional().openapi({ description: 'With 429 only' }),
  })
  .openapi('Error')

const xdentResponses = {
  400: describeResponse('The X-Api-Key header is missing', xdentError),
  ...describeRefusals(xdentError, { hasChallenge: false }),
}

export const xdentDocument: VendorDocument = {
  title: 'XDENT-style API keys',
  description: 'Send the key with every request.',
  security: {
    apiKey: { type: 'apiKey', in: 'header', name: 'X-Api-Key', description: 'KeyId.Secret' },
  },
  routes: [
    {
      method: 'get',
      path: '/api/v1/Identity',
      operationId: 'getIdentity',
      summary: 'Show which company and key this is',
      responses: {
        200: describeResponse(
          'The company and the key',
          z
            .object({
              CompanyId: z.string(),
              CompanyName: z.string(),
              KeyId: z.string(),
              KeyName: z.string(),
            })
            .openapi('Identity'),
        ),
        ...xdentResponses,
      },
    },
    ...describeDataRoutes('xdent', '/api/v1', {
      ...xdentResponses,
      ...describeProxyRefusals(xdentError),
    }),
  ],
}
