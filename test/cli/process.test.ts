import { beforeAll, expect, test } from 'vitest'
import { runStaying } from '../support/cli/staying.ts'
import { runCli } from '../support/process.ts'
import { temporaryFolder } from '../support/server.ts'
import { type Row, seed } from './command.ts'

const dir = temporaryFolder()
let account: Row
beforeAll(async () => {
  account = (await seed(dir)).account
})

test.each([
  ['accounts', 'list'],
  ['users', 'list'],
  ['sources', 'list'],
  ['sites', 'list'],
  ['developers', 'list'],
  ['keys', 'list'],
  ['addresses', 'list'],
  ['audit', 'list'],
  ['explain', 'none'],
  ['destinations', 'list'],
  ['subscriptions', 'list'],
  ['messages', 'list'],
  ['console', 'link'],
])('%s says the same in a process of its own as in one that stays', async (group, verb) => {
  const args = [group, verb, ...(group === 'addresses' ? ['--account', account.id] : [])]
  const own = await runCli(args, { dir })
  const staying = await runStaying(args, { dir })
  expect(hidden(staying)).toEqual(hidden(own))
})

/** Each link has a secret and an end of its own. */
const hidden = (said: object) =>
  JSON.stringify(said).replaceAll(/lk_[\w-]{49}|(?<=until +)[\w:.-]+/g, '…')
