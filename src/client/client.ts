/*
 * `latchkey/client`: the vendor's side. Keeps an access token that works, without any dependency, on
 * Node 20 or later, in browsers, on Workers, Deno and Bun.
 *
 *   const manager = new TokenManager({ url, credentials: { apiKey, secret } })
 *   const response = await manager.fetch('/endpoint', { method: 'POST', body })
 */

export type {
  AssertionSigner,
  ClientSecretCredentials,
  Credentials,
  LegacyCredentials,
  PrivateKeyCredentials,
  Secret,
  SignerCredentials,
  WebCryptoKey,
} from './credentials.ts'
export type { TokenEvent } from './renew-token.ts'
export type { ClientRuntime } from './runtime.ts'
export { TokenError, type TokenErrorCode } from './token-error.ts'
export { TokenManager, type TokenManagerOptions } from './token-manager.ts'
export { createMemoryStore, type TokenStore } from './token-store.ts'
