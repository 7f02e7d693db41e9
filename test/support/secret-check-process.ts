import { parseSecretCheck } from '../../src/domain/imported-secret.ts'
import { createLazySecretChecks } from '../../src/node/open-latchkey.ts'
import { createTestLog } from './server.ts'

/*
 * Checks a secret by a hash of bcrypt, and ends. `node secret-check-process.ts SECRET HASH`
 */

const [secret = '', hash = ''] = process.argv.slice(2)
const secretChecks = createLazySecretChecks(createTestLog())
const check = parseSecretCheck({ form: 'bcrypt', hash, salt: null }, secretChecks.bounds)
if (!check.ok) throw new Error(check.failure)
console.log(await secretChecks.check(secret, check.value, null))
