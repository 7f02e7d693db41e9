import { type Holder, seedHolder } from './holder.ts'
import { done, type TestServer } from './server.ts'

type Services = Pick<TestServer, 'accounts' | 'keys'>

/** What the transcripts of XDENT call by name. */
export async function seedXdentWorld({ accounts, keys }: Services): Promise<Map<string, string>> {
  const good = await seedHolder({ accounts, keys }, 'xdent')
  const disabled = await seedHolder({ accounts, keys }, 'xdent')
  done(await keys.disable(disabled.keyId))
  const closed = await seedHolder({ accounts, keys }, 'xdent')
  done(await accounts.setStatus(closed.accountId, 'closed'))
  return new Map([
    ['xdentCompanyId', good.accountId],
    ['xdentKeyId', good.publicId],
    ['xdentSecret', good.secret],
    ['xdentDisabledKeyId', disabled.publicId],
    ['xdentDisabledSecret', disabled.secret],
    ['xdentClosedKeyId', closed.publicId],
    ['xdentClosedSecret', closed.secret],
  ])
}

/** What the transcripts of the practices call by name. */
export async function seedPracticeWorld(services: Services): Promise<Map<string, string>> {
  const good = await seedHolder(services, 'practice')
  const revoked = await seedHolder(services, 'practice')
  done(await services.keys.revoke(revoked.keyId))
  return new Map([
    ['practiceAccountId', good.accountId],
    ['practiceUsername', good.username],
    ['practiceKeyId', good.publicId],
    ['practiceBasic', pairOf(good)],
    ['practiceWrongBasic', pairOf({ ...good, secret: revoked.secret })],
    ['practiceNobodyBasic', pairOf({ ...good, username: 'nobody' })],
    ['practiceRevokedBasic', pairOf(revoked)],
  ])
}

const pairOf = ({ username, secret }: Holder) =>
  Buffer.from(`${username}:${secret}`).toString('base64')
