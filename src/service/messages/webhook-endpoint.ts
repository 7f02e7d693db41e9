import type { Sealer } from '../ports/crypto.ts'
import type { WebhookEndpoint } from '../ports/outbound.ts'

/** A destination as it is kept. */
export type SealedWebhookEndpoint = Omit<WebhookEndpoint, 'verificationToken'> & {
  readonly sealedToken: string | null
}

/** Where a destination is, and the token that was agreed on with it, opened. */
export async function openWebhookEndpoint(
  sealer: Sealer,
  { id, url, method, development, sealedToken }: SealedWebhookEndpoint,
): Promise<WebhookEndpoint> {
  const token = sealedToken === null ? null : await sealer.open(sealedToken, id)
  const verificationToken = token && new TextDecoder().decode(token)
  return { id, url, method, development, verificationToken }
}

/** A token as it is kept: for this destination, and no other. */
export async function sealVerificationToken(
  sealer: Sealer,
  token: string,
  id: string,
): Promise<string> {
  return sealer.seal(new TextEncoder().encode(token), id)
}
