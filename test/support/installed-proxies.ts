import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { writeFileSync } from 'node:fs'
import { connect } from 'node:net'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { findDocument } from '../docs/documents.ts'
import { createCertificateAuthority, createServerCertificate } from './database/certificates.ts'
import { createTempFolder } from './server.ts'

const APACHE_PAGE = 'docs/deploy/apache.md'
/** Those that Debian enables by itself or with `ssl`, and those of the page. */
const APACHE_MODULES = [
  'mpm_event',
  'authz_core',
  'socache_shmcb',
  ...(/a2enmod ([\w ]+)/.exec(findDocument(APACHE_PAGE).prose)?.[1]?.split(' ') ?? []),
]

/** The proxies of docs/deploy that a package of the system installs. */
export const INSTALLABLE_PROXIES = [
  {
    name: 'nginx',
    page: 'docs/deploy/nginx.md',
    language: 'nginx',
    versionOption: '-v',
    args: (path: string) => ['-c', path],
    wrap: (sample: string, home: string) => `
      daemon off; pid ${home}/pid; error_log ${home}/error.log;
      ${isRoot ? 'user root;' : ''}
      events {}
      http {
        access_log off;
        client_body_temp_path ${home}/body; proxy_temp_path ${home}/proxy;
        fastcgi_temp_path ${home}/fastcgi; uwsgi_temp_path ${home}/uwsgi; scgi_temp_path ${home}/scgi;
        ${sample}
      }`,
  },
  {
    name: 'caddy',
    page: 'docs/deploy/caddy.md',
    language: 'caddyfile',
    versionOption: 'version',
    args: (path: string) => ['run', '--adapter', 'caddyfile', '--config', path],
    wrap: (sample: string) => `{\n  admin off\n  auto_https off\n  grace_period 1s\n}\n${sample}`,
  },
  {
    name: 'haproxy',
    page: 'docs/deploy/haproxy.md',
    language: 'haproxy',
    versionOption: '-v',
    args: (path: string) => ['-f', path],
    wrap: (sample: string) => sample,
  },
  {
    name: 'apache2',
    page: APACHE_PAGE,
    language: 'apache',
    versionOption: '-v',
    args: (path: string) => ['-D', 'FOREGROUND', '-f', path],
    wrap: (sample: string, home: string, port: number) =>
      [
        `ServerRoot ${home}`,
        `DefaultRuntimeDir ${home}`,
        `Listen ${port}`,
        `PidFile ${home}/pid`,
        `ErrorLog ${home}/error.log`,
        ...(isRoot ? ['User www-data', 'Group www-data'] : []),
        ...APACHE_MODULES.map(
          (name) => `LoadModule ${name}_module /usr/lib/apache2/modules/mod_${name}.so`,
        ),
        sample,
      ].join('\n'),
  },
] as const

type InstallableProxy = (typeof INSTALLABLE_PROXIES)[number]

const isRoot = process.getuid?.() === 0

export const isProgramInstalled = (program: string, ask: string) =>
  spawnSync(program, [ask]).status === 0

/**
 * The sample of the proxy's page that has this text. Ports and folders of the page are replaced by those
 * of the test, and nothing else is.
 */
export function readProxySample(
  { page, language }: InstallableProxy,
  marker: string,
  replacements: Readonly<Record<string, string | number>>,
): string {
  const sample = findDocument(page).samples.find(
    (one) => one.language === language && one.text.includes(marker),
  )
  if (sample === undefined) throw new Error(`${page} shows no ${language} for ${marker}`)
  const shown = new RegExp(Object.keys(replacements).join('|').replace(/[.{]/g, '\\$&'), 'g')
  return sample.text.replace(shown, (found) => String(replacements[found]))
}

/** Writes the certificate files that the pages name, and returns the authority's certificate. */
export async function writeProxyCertificates(
  home: string,
  hosts: readonly string[],
): Promise<string> {
  const ca = await createCertificateAuthority('Test CA')
  const { cert, key } = await createServerCertificate(hosts, ca)
  writeFileSync(join(home, 'fullchain.pem'), cert)
  writeFileSync(join(home, 'key.pem'), key)
  writeFileSync(join(home, 'combined.pem'), `${cert.trim()}\n${key}`)
  return ca.cert
}

export interface RunningProxy {
  readonly url: string
  stop(): Promise<void>
}

/** Starts a proxy with this sample, as the user who runs the tests. */
export async function startProxy(
  { name, args, wrap }: InstallableProxy,
  sample: string,
  port: number,
): Promise<RunningProxy> {
  const home = createTempFolder()
  const path = join(home, 'configuration')
  writeFileSync(path, wrap(sample, home, port))
  const folders = { HOME: home, XDG_DATA_HOME: home, XDG_CONFIG_HOME: home }
  const child = spawn(name, args(path), { env: { ...process.env, ...folders } })
  let stderrText = ''
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    stderrText += text
  })
  const exited = once(child, 'exit')
  while (!(await acceptsConnections(port))) {
    if (child.exitCode !== null) throw new Error(`${name} did not start:\n${stderrText}`)
    await delay(20)
  }
  return {
    url: `http://127.0.0.1:${port}`,
    async stop() {
      child.kill('SIGTERM')
      await exited
    },
  }
}

function acceptsConnections(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1')
    socket.once('connect', () => {
      socket.destroy()
      resolve(true)
    })
    socket.once('error', () => resolve(false))
  })
}
