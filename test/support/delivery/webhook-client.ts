import { parseKnownNetworks } from '../../../src/domain/ip-network.ts'
import { createWebhookClient } from '../../../src/http/webhook-client.ts'
import { createSendHttp, type SendHttpOptions } from '../../../src/node/outbound-http.ts'
import type { WebhookEndpoint } from '../../../src/service/ports/outbound.ts'

export const LOOPBACK_NETWORKS = ['127.0.0.0/8', '::1/128']

export interface TestWebhookClientOptions extends Partial<Omit<SendHttpOptions, 'allowed'>> {
  readonly allowed?: readonly string[]
  readonly deliveryTimeoutMs?: number
}

/** The courier of a Node server, that may reach this machine. */
export function createTestWebhookClient({
  allowed = LOOPBACK_NETWORKS,
  deliveryTimeoutMs,
  ...options
}: TestWebhookClientOptions = {}) {
  return createWebhookClient({
    sendHttp: createSendHttp({ allowed: parseKnownNetworks(allowed), ...options }),
    applicationName: 'Latchkey',
    ...(deliveryTimeoutMs !== undefined && { deliveryTimeoutMs }),
  })
}

export const VERIFICATION_TOKEN = 'token-of-the-destination'

/** A development destination at this URL. */
export const createWebhookEndpoint = (
  url: string | null,
  overrides: Partial<WebhookEndpoint> = {},
) => ({
  id: 'destination-1',
  url,
  method: 'POST' as const,
  development: true,
  verificationToken: VERIFICATION_TOKEN,
  ...overrides,
})

/** Never aborted. */
export const createIdleSignal = () => new AbortController().signal

/** The shortest body that is JSON. */
export const EMPTY_MESSAGE = new TextEncoder().encode('{}')
