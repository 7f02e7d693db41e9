import { spawnSync } from 'node:child_process'
import { argon2Sync } from 'node:crypto'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { checkSecret } from '../../src/crypto/check-secret.ts'
import { parseImportedSecret, parseSecretCheck } from '../../src/domain/imported-secret.ts'
import { NODE_CHECK_BOUNDS } from '../../src/domain/secret-forms/secret-check.ts'
import { nodeHashFunctions } from '../../src/node/primitives.ts'

/** The form, the secret, its hash, and for some the salt and the pepper. */
type Row = readonly [string, string, string, (string | null)?, (string | null)?]

const SECRETS = ['correct horse battery staple 42', 'pässwörd — 密码 🏥', 'x', 'k'.repeat(64)]
const SCRIPTS = join(import.meta.dirname, '../support/hash-tools')

const spawn = (program: string, args: readonly string[], input = '') =>
  spawnSync(program, args, {
    encoding: 'utf8',
    input,
    env: { ...process.env, LC_ALL: 'C.UTF-8', PYTHONWARNINGS: 'ignore' },
  })

function run(program: string, args: readonly string[], input?: string): string {
  const { status, stdout, stderr } = spawn(program, args, input)
  if (status !== 0) throw new Error(`${program} failed: ${stderr}`)
  return stdout.trim()
}

const runForEach = (hashSecret: (secret: string) => Row[]) => () => SECRETS.flatMap(hashSecret)

const createPythonTool = (module: string, imported: string) => ({
  name: `Python's ${module}`,
  probe: ['python3', '-c', `import ${imported}`],
  hash: () => JSON.parse(run('python3', [join(SCRIPTS, 'hashes.py'), module, ...SECRETS])) as Row[],
})

const toRows = (output: string): Row[] =>
  output.split('\n').map((line) => line.split('\t') as unknown as Row)

const SALT = 'saltstring'
const SALT_BASE64 = Buffer.from(SALT).toString('base64').replaceAll('=', '')

const TOOLS: { name: string; probe: string[]; hash: () => Row[] }[] = [
  {
    name: 'htpasswd',
    probe: ['htpasswd', '-nbs', 'user', 'secret'],
    hash: runForEach((secret) => {
      const hash = (...options: string[]) =>
        run('htpasswd', [...options, 'user', secret]).slice('user:'.length)
      return [
        ['bcrypt', secret, hash('-nbB', '-C', '5')],
        ['sha1', secret, hash('-nbs')],
        ['apr1', secret, hash('-nbm')],
      ]
    }),
  },
  {
    name: 'openssl',
    probe: ['openssl', 'kdf', '-keylen', '8', '-kdfopt', 'pass:a', '-kdfopt', 'salt:b', 'PBKDF2'],
    hash: runForEach((secret) => {
      const crypt = (option: string, salt: string) =>
        run('openssl', ['passwd', option, '-salt', salt, secret])
      const kdf = (length: number, name: string, ...options: string[]) => {
        const all = [`pass:${secret}`, `salt:${SALT}`, ...options].flatMap((o) => ['-kdfopt', o])
        const hex = run('openssl', ['kdf', '-keylen', String(length), ...all, name])
        return Buffer.from(hex.replaceAll(':', ''), 'hex').toString('base64').replaceAll('=', '')
      }
      const hmac = run('openssl', ['dgst', '-sha256', '-hmac', 'pepper'], secret)
      const pbkdf2 = kdf(32, 'PBKDF2', 'digest:SHA256', 'iter:4321')
      const scrypt = kdf(32, 'SCRYPT', 'n:2048', 'r:4', 'p:3')
      return [
        ['apr1', secret, crypt('-apr1', 'saltsalt')],
        ['apr1', secret, crypt('-apr1', 's')],
        ['sha256-crypt', secret, crypt('-5', 'saltstring')],
        ['sha256-crypt', secret, crypt('-5', 'rounds=1001$s')],
        ['sha512-crypt', secret, crypt('-6', 'sixteencharacter')],
        ['sha512-crypt', secret, crypt('-6', 'rounds=1002$salt')],
        ['hmac-sha256', secret, hmac.slice(-64), null, 'pepper'],
        ['pbkdf2-phc', secret, `$pbkdf2-sha256$i=4321,l=32$${SALT_BASE64}$${pbkdf2}`],
        ['scrypt-phc', secret, `$scrypt$ln=11,r=4,p=3$${SALT_BASE64}$${scrypt}`],
      ]
    }),
  },
  createPythonTool('hashlib', 'hashlib'),
  createPythonTool('crypt', 'crypt'),
  createPythonTool('werkzeug', 'werkzeug.security'),
  createPythonTool('passlib', 'passlib.hash'),
  createPythonTool('django', 'django.contrib.auth.hashers'),
  {
    name: 'Java',
    probe: ['java', '--version'],
    hash: () => toRows(run('java', [join(SCRIPTS, 'Hashes.java'), ...SECRETS])),
  },
  {
    name: 'PHP',
    probe: ['php', '--version'],
    hash: () => {
      const code = `foreach (array_slice($argv, 1) as $secret) {
        echo "bcrypt\\t$secret\\t", password_hash($secret, PASSWORD_BCRYPT, ['cost' => 5]), "\\n";
        if (defined('PASSWORD_ARGON2ID'))
          echo "argon2\\t$secret\\t", password_hash($secret, PASSWORD_ARGON2ID), "\\n";
      }`
      return toRows(run('php', ['-r', code, '--', ...SECRETS]))
    },
  },
  {
    name: "Ruby's bcrypt",
    probe: ['ruby', '-r', 'bcrypt', '-e', ''],
    hash: () => {
      const code =
        'ARGV.each { |s| puts ["bcrypt", s, BCrypt::Password.create(s, cost: 5)].join("\\t") }'
      return toRows(run('ruby', ['-r', 'bcrypt', '-e', code, ...SECRETS]))
    },
  },
  {
    name: "OpenSSL's argon2 in Node",
    probe: [process.execPath, '--version'],
    hash: runForEach((secret) =>
      (['argon2d', 'argon2i', 'argon2id'] as const).map((variant, n) => {
        const cost = { memory: 256 + n, passes: 1 + n, parallelism: 1 + n }
        const options = { message: secret, nonce: SALT, tagLength: 32, ...cost }
        const sum = argon2Sync(variant, options).toString('base64').replaceAll('=', '')
        const { memory, passes, parallelism } = cost
        const parameters = `m=${memory},t=${passes},p=${parallelism}`
        return ['argon2', secret, `$${variant}$v=19$${parameters}$${SALT_BASE64}$${sum}`]
      }),
    ),
  },
]

async function check([form, , hash, salt = null, pepper = null]: Row, secret: string) {
  const imported = parseImportedSecret(
    { form, hash, salt, pepperId: pepper },
    { bounds: NODE_CHECK_BOUNDS, weakFormsAllowed: true },
  )
  if (!imported.ok) return imported.failure
  const parsed = parseSecretCheck(imported.value, NODE_CHECK_BOUNDS)
  if (!parsed.ok) return parsed.failure
  return checkSecret(
    nodeHashFunctions,
    secret,
    parsed.value,
    pepper === null ? null : Buffer.from(pepper),
  )
}

for (const { name, probe, hash } of TOOLS) {
  const [program = '', ...args] = probe
  const reason = spawn(program, args).status === 0 ? '' : ' (skipped: it is not installed here)'
  describe.skipIf(reason !== '')(`hashes made by ${name}${reason}`, () => {
    test('match their secrets and no other', { timeout: 120_000 }, async () => {
      const rows = hash()
      expect(rows.length).toBeGreaterThanOrEqual(3)
      for (const row of rows) {
        const [form, secret] = row
        expect([form, secret, await check(row, secret)]).toEqual([form, secret, true])
        const others = [`${secret}y`, `${secret}\0`, `${secret}\0${secret}`]
        for (const other of others)
          expect([form, other, await check(row, other)]).toEqual([form, other, false])
      }
    })
  })
}
