import type { Sealer } from '../ports/crypto.ts'
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
  const token = sealedToken === null ? null : await sealer.open(sealedToken, id)
  const verificationToken = token && new TextDecoder().decode(token)
  return { id, url, method, development, verificationToken }
}

/** Seals a verification token for this destination only. */
export async function sealVerificationToken(
  sealer: Sealer,
  token: string,
  id: string,
): Promise<string> {
  return sealer.seal(new TextEncoder().encode(token), id)
}
