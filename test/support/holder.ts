import type { KeyWish } from '../../src/service/keys/wish.ts'
import { done, type TestServer } from './server.ts'

type Services = Pick<TestServer, 'accounts' | 'keys'>

/** Somebody with a username and a key that belongs to him alone. */
export type Holder = Awaited<ReturnType<typeof seedHolder>>

export async function seedHolder(
  { accounts, keys }: Services,
  dialect: 'xdent' | 'practice',
  {
    accountId,
    region,
    username = `user-${crypto.randomUUID()}`,
    ...wish
  }: Partial<KeyWish> & { accountId?: string; region?: string; username?: string } = {},
) {
  const account =
    accountId ??
    done(
      await accounts.create({
        name: 'Bright Smiles',
        ...(region && { region, otherRegion: true }),
      }),
    ).id
  const owner = done(
    await accounts.addUser({
      accountId: account,
      email: `${crypto.randomUUID()}@smiles.example`,
      role: 'administrator',
      username,
    }),
  )
  const { key, secret } = done(
    await keys.create({ dialect, ownerId: owner.id, name: 'Front desk', ...wish }),
  )
  return {
    accountId: account,
    ownerId: owner.id,
    username,
    /** Its row, as an operator names it. */
    keyId: key.id,
    publicId: key.publicId,
    secret,
  }
}

export const apiKey = (publicId: string, secret: string) => ({
  'X-Api-Key': `${publicId}.${secret}`,
})

export const basic = (username: string, secret: string) => ({
  Authorization: `Basic ${Buffer.from(`${username}:${secret}`).toString('base64')}`,
})

/** How a holder presents himself. */
export const credentialOf = {
  xdent: ({ publicId, secret }: Pick<Holder, 'publicId' | 'secret'>) => apiKey(publicId, secret),
  practice: ({ username, secret }: Pick<Holder, 'username' | 'secret'>) => basic(username, secret),
}
