import type { Key } from '../domain/key.ts'
import { expiresAt, type TokenFacts } from '../domain/token.ts'
import type { TokenMinter, Tokens } from './ports.ts'

/** What an exchange or a refresh gives: two tokens, and when the access token ends (epoch ms). */
export interface Granted extends Tokens {
  readonly expiresAt: number
}

/** The tokens of one generation of a grant: the same facts give the same bytes. */
export async function issue(
  minter: TokenMinter,
  key: Key,
  generation: Pick<TokenFacts, 'grantId' | 'generation' | 'issuedAt'>,
): Promise<Granted> {
  const facts: TokenFacts = {
    keyId: key.id,
    clientId: key.publicId,
    epoch: key.tokenEpoch,
    ...generation,
  }
  return { ...(await minter.mint(facts, key.tokenSalt)), expiresAt: expiresAt(facts) }
}
