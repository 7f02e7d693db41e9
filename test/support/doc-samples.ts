import { globSync, readFileSync } from 'node:fs'
import { join } from 'node:path'

export const ROOT = join(import.meta.dirname, '../..')

export const DOC_PAGES = [
  'README.md',
  'CONTRIBUTING.md',
  'SECURITY.md',
  ...globSync('docs/**/*.md', { cwd: ROOT }).sort(),
]

export const readPage = (page: string) => readFileSync(join(ROOT, page), 'utf8')

export interface DocSample {
  readonly page: string
  /** The words after the opening fence, such as `nginx forward-auth`. */
  readonly language: string
  readonly text: string
}

/** The fenced blocks of a page, in order. */
export const listSamples = (page: string): DocSample[] =>
  [...readPage(page).matchAll(/^```(.*)\n([\s\S]*?)^```$/gm)].map(
    ([, language = '', text = '']) => ({
      page,
      language,
      text,
    }),
  )

/** The samples that no test runs, by page and language, with the reason. */
export const UNTESTED_SAMPLES: Readonly<Record<string, string>> = {
  'docs/getting-started.md sh': 'no test starts it yet: it uses the default ports',
  'docs/deploy/linux.md sh': 'needs root, systemd and a packed archive',
  'docs/deploy/linux.md ini': 'needs systemd',
  'docs/deploy/cloudflare-workers.md sh': 'needs a Cloudflare account',
  'docs/deploy/traefik.md yaml': 'Traefik is not packaged by Debian',
  'docs/deploy/envoy.md yaml': 'Envoy is not packaged by Debian',
  'docs/deploy/nginx.md nginx': 'no test starts it; needs a certificate',
  'docs/deploy/caddy.md caddyfile': 'no test starts it; needs a certificate',
  'docs/deploy/haproxy.md haproxy': 'no test starts it; needs a certificate',
  'docs/deploy/apache.md apache': 'no test starts it; needs a certificate',
  'docs/audit.md ': 'shows the form of a printed explanation',
  'docs/architecture.md ': 'is a drawing',
  'README.md sh npm': 'starts the demo and this test run',
}
