import { z } from '@hono/zod-openapi'
import {
  describeDataRoutes,
  describeProxyRefusals,
  describeRefusals,
  describeResponse,
  type VendorDocument,
} from './vendor-document.ts'

const practiceError = z.object({ error: z.string(), message: z.string() }).openapi('Error')

const practiceResponses = describeRefusals(practiceError, { hasChallenge: true })

export const practiceDocument: VendorDocument = {
  title: 'Practice management keys',
  description: 'Send the username and the key with every request.',
  security: {
    usernameAndKey: {
      type: 'http',
      scheme: 'basic',
      description: 'The username of the key’s owner, and the key as the password',
    },
  },
  routes: [
    {
      method: 'get',
      path: '/practice/v1/me',
      operationId: 'getMe',
      summary: 'Show which user and key this is',
      responses: {
        200: describeResponse(
          'The user, the account and the key',
          z
            .object({
              username: z.string(),
              account: z.object({ id: z.string(), name: z.string() }),
              key: z.object({ id: z.string(), name: z.string() }),
            })
            .openapi('Me'),
        ),
        ...practiceResponses,
      },
    },
    ...describeDataRoutes('practice', '/practice/v1', {
      ...practiceResponses,
      ...describeProxyRefusals(practiceError),
    }),
  ],
}
