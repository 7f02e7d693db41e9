import { beforeAll, expect, test } from 'vitest'
import { type CliRow, seedCliAccount } from '../../support/cli/commands.ts'
import { runWarmCli } from '../../support/cli/warm-cli.ts'
import { runCli } from '../../support/process.ts'
import { createTempFolder } from '../../support/server.ts'

const dir = createTempFolder()
let account: CliRow
beforeAll(async () => {
  account = (await seedCliAccount(dir)).account
})

test.each([
  ['accounts', 'list'],
  ['users', 'list'],
  ['sources', 'list'],
  ['sites', 'list'],
  ['developers', 'list'],
  ['keys', 'list'],
  ['ip-allowlist', 'list'],
  ['audit', 'list'],
  ['explain', 'none'],
  ['dashboard', 'keys'],
  ['destinations', 'list'],
  ['subscriptions', 'list'],
  ['messages', 'list'],
  ['console', 'link'],
])('%s %s prints the same in a process of its own as in a warm process', async (group, verb) => {
  const args = [group, verb, ...(group === 'ip-allowlist' ? ['--account', account.id] : [])]
  const ownProcess = await runCli(args, { dir })
  const warmProcess = await runWarmCli(args, { dir })
  expect(hideSecrets(warmProcess)).toEqual(hideSecrets(ownProcess))
})

/** Each link has its own secret and expiry. */
const hideSecrets = (result: object) =>
  JSON.stringify(result).replaceAll(/lk_[\w-]{49}|(?<=until +)[\w:.-]+/g, '…')
