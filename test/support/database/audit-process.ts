import { openTestAudit } from './audit-chain.ts'

/*
 * A process that writes events and seals them, for ever: `latchkey-audit.mjs DATABASE RING`. It says a word at
 * each round, so that it can be killed in the midst of one.
 */
const [path = '', ring = ''] = process.argv.slice(2)
const { add, seal } = await openTestAudit(path, ring)
for (;;) {
  await Promise.all([add(20), seal()])
  process.stdout.write('.')
}
