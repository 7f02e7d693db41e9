import { spawnSync } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { generate } from 'selfsigned'
import { expect, test } from 'vitest'
import { isProgramInstalled, readDocumentedConfiguration } from '../support/installed-proxies.ts'
import { createTempFolder } from '../support/server.ts'

const APACHE_MODULES = 'mpm_event authz_core ssl socache_shmcb proxy proxy_http headers'.split(' ')

/** Each proxy, how it is asked to check a configuration, and what surrounds the sample. */
const PROXIES = [
  {
    name: 'nginx',
    language: 'nginx',
    version: '-v',
    args: ['-t', '-c'],
    wrap: (sample: string, home: string) =>
      `pid ${home}/pid; error_log ${home}/log; events {} http { access_log off; ${sample} }`,
  },
  {
    name: 'caddy',
    language: 'caddyfile',
    version: 'version',
    args: ['validate', '--adapter', 'caddyfile', '--config'],
    wrap: (sample: string) => sample,
  },
  {
    name: 'haproxy',
    language: 'haproxy',
    version: '-v',
    args: ['-c', '-f'],
    wrap: (sample: string) => sample,
  },
  {
    name: 'apache2',
    language: 'apache',
    version: '-v',
    args: ['-t', '-f'],
    wrap: (sample: string, home: string) =>
      [
        `ServerRoot ${home}`,
        'Listen 443',
        `PidFile ${home}/pid`,
        `ErrorLog ${home}/log`,
        ...APACHE_MODULES.map(
          (one) => `LoadModule ${one}_module /usr/lib/apache2/modules/mod_${one}.so`,
        ),
        sample,
      ].join('\n'),
  },
]

test.each(PROXIES)('$name accepts the configuration with TLS of its page', async (proxy) => {
  const { name, language, version, args, wrap } = proxy
  if (!isProgramInstalled(name, version)) return
  const home = createTempFolder()
  const { cert, private: key } = await generate([{ name: 'commonName', value: 'latchkey.example' }])
  writeFileSync(join(home, 'fullchain.pem'), cert)
  writeFileSync(join(home, 'key.pem'), key)
  writeFileSync(join(home, 'combined.pem'), `${cert.trim()}\n${key}`)
  const paths = { '/etc/ssl/latchkey': home }
  const sample = readDocumentedConfiguration(language, '/etc/ssl/latchkey', paths)
  const path = join(home, 'configuration')
  writeFileSync(path, wrap(sample, home))
  const { status, stderr } = spawnSync(name, [...args, path], { encoding: 'utf8' })
  expect(status, stderr).toBe(0)
})
