import type { DestinationAddress, Sealer } from './ports.ts'

/** A destination as it is kept. */
export type KeptAddress = Omit<DestinationAddress, 'verificationToken'> & {
  readonly sealedToken: string | null
}

/** Where a destination is, and the token that was agreed on with it, opened. */
export async function addressOf(
  sealer: Sealer,
  { id, url, method, development, sealedToken }: KeptAddress,
): Promise<DestinationAddress> {
  const token = sealedToken === null ? null : await sealer.open(sealedToken, id)
  const verificationToken = token && new TextDecoder().decode(token)
  return { id, url, method, development, verificationToken }
}

/** A token as it is kept: for this destination, and no other. */
export async function sealToken(sealer: Sealer, token: string, id: string): Promise<string> {
  return sealer.seal(new TextEncoder().encode(token), id)
}
