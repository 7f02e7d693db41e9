import { openText, type Sealer } from '../ports/crypto.ts'
import type { WebhookEndpoint } from '../ports/outbound.ts'

/** A destination as it is stored. */
export type SealedWebhookEndpoint = Omit<WebhookEndpoint, 'verificationToken'> & {
  readonly sealedToken: string | null
}

/** Opens the destination's verification token. */
export async function openWebhookEndpoint(
  sealer: Sealer,
  { id, url, method, development, sealedToken }: SealedWebhookEndpoint,
): Promise<WebhookEndpoint> {
  const verificationToken = sealedToken && (await openText(sealer, sealedToken, id))
  return { id, url, method, development, verificationToken }
}
