/**
 * Samples that no test of test/docs runs, with the reason: command lines by their text, other blocks by
 * the file and their first line.
 */
export const SAMPLES_NOT_RUN: Readonly<Record<string, string>> = {
  'npm run demo': 'installs; test/demo runs the demo',
  'npm test': 'is what runs this test',
  'npm ci': 'installs',
  'npm run check': 'is a part of `npm test`',
  'npx vitest run test/rotation': 'is a part of `npm test`',
  'npm pack': 'test/package.test.ts packs and installs',
  'npm install --prefix /opt/latchkey ./latchkey-0.1.0.tgz node@24':
    'test/package.test.ts packs and installs',
  'export PATH=/opt/latchkey/node_modules/.bin:$PATH': 'test/package.test.ts packs and installs',
  serve: 'stays: docs/getting-started.md runs it',
  'serve --workers 2': 'stays: test/node/workers.test.ts runs it',
  'token --profile nightly --file /etc/vendor/profiles.json':
    'needs a file of profiles: test/node/cli/token.test.ts',
  'printf \'%s\' "$REJECTED_TOKEN" | latchkey token --profile nightly --file /etc/vendor/profiles.json --rejected-stdin':
    'needs a file of profiles: test/node/cli/token.test.ts',
  'docs/client.md: {"nightly":{"url":"https://api.example","credentials":{"apiKey":"0199aa…","secret":"…"}}}':
    'is a file of profiles: test/node/cli/token.test.ts',
  'audit accept-restore': 'needs a set-back database: test/node/cli/accept-restore.test.ts',
  'explain 6f2c9bd0-7f0c-4a55-9d43-5f3d0a1b2c3d':
    'is a made-up request: test/node/cli/audit.test.ts explains real ones',
  'docs/audit.md: when        2026-01-02T03:04:05.678Z':
    'is the answer for a made-up request: test/node/cli/audit.test.ts',
  'copy --from sqlite:./data/latchkey.db --to postgres://latchkey@db.example/latchkey':
    'needs PostgreSQL: test/node/cli/copy.test.ts',
  'useradd --system --home-dir /var/lib/latchkey --shell /usr/sbin/nologin latchkey':
    'changes the machine',
  'systemctl daemon-reload': 'needs systemd',
  'systemctl enable --now latchkey': 'needs systemd',
  'curl -sf http://127.0.0.1:8080/ready': 'needs systemd',
  'systemd-run --pipe --uid=latchkey --property=EnvironmentFile=/etc/latchkey.env --setenv=PATH=/opt/latchkey/node_modules/.bin:/usr/bin:/bin latchkey doctor':
    'needs systemd',
  'psql -c "CREATE ROLE latchkey LOGIN PASSWORD \'PASSWORD\'"': 'needs a PostgreSQL of the machine',
  'pg_dump --format=custom --file=monday.dump "$LATCHKEY_DATABASE"':
    'needs the tools of PostgreSQL, as new as it is',
  'pg_restore --exit-on-error --single-transaction --no-owner --dbname="$LATCHKEY_DATABASE" monday.dump':
    'needs the tools of PostgreSQL, as new as it is',
  'psql -c "CREATE DATABASE latchkey OWNER latchkey"': 'needs a PostgreSQL of the machine',
  'umask 077': 'concerns the files of the next lines',
  'printf "LATCHKEY_URL=http://localhost:8787\\nLATCHKEY_CONSOLE_URL=http://127.0.0.1:8787\\n" > .dev.vars':
    'is for wrangler: test/worker runs the Worker',
  'printf "LATCHKEY_WELCOME=%s\\nLATCHKEY_KEYRING_JSON=\'%s\'\\n" $(openssl rand -hex 32) "$(cat ring.json)" >> .dev.vars':
    'is for wrangler: test/worker runs the Worker',
  'npx wrangler d1 execute latchkey --local --file schema.sql':
    'is for wrangler: test/worker runs the Worker',
  'npx wrangler dev': 'is for wrangler: test/worker runs the Worker',
  'npx wrangler d1 create latchkey': 'needs an account at Cloudflare',
  'npx wrangler d1 execute latchkey --remote --file schema.sql': 'needs an account at Cloudflare',
  'npx wrangler secret put LATCHKEY_KEYRING_JSON < ring.json': 'needs an account at Cloudflare',
  'npx wrangler secret put LATCHKEY_WELCOME': 'needs an account at Cloudflare',
  'npx wrangler deploy': 'needs an account at Cloudflare',
  'npx wrangler d1 execute latchkey --remote --command "SELECT version FROM schema_version"':
    'needs an account at Cloudflare',
  'npx wrangler d1 execute latchkey --remote --file migration.sql':
    'needs an account at Cloudflare',
  'docs/deploy/traefik.md: entryPoints:': 'needs Traefik, which no package of Debian has',
  'docs/deploy/traefik.md: http:': 'needs Traefik, which no package of Debian has',
  'docs/deploy/envoy.md: static_resources:': 'needs Envoy, which no package of Debian has',
  'docs/deploy/envoy.md: normalize_path: true': 'needs Envoy, which no package of Debian has',
  'docs/architecture.md: node/  worker/  demo/  simulator/  composition roots. Node: environment, files, sockets, the command line;':
    'is a drawing',
}
