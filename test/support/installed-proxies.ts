import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { writeFileSync } from 'node:fs'
import { connect } from 'node:net'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { DOCUMENTS } from '../docs/documents.ts'
import { createTempFolder } from './server.ts'

/** The sample in this language of a page that has this text, with other ports. */
export function readDocumentedConfiguration(
  language: string,
  marker: string,
  replacements: Readonly<Record<string, string>>,
): string {
  const sample = DOCUMENTS.flatMap(({ samples }) => samples).find(
    (one) => one.language === language && one.text.includes(marker),
  )
  if (sample === undefined) throw new Error(`the documentation shows no ${language} for ${marker}`)
  return Object.entries(replacements).reduce(
    (config, [shown, used]) => config.replaceAll(shown, used),
    sample.text,
  )
}

export const isProgramInstalled = (program: string, ask: string) =>
  spawnSync(program, [ask]).status === 0

export interface RunningProxy {
  readonly url: string
  stop(): Promise<void>
}

/** Starts nginx with this `server` block, as the user who runs the tests. */
export const startNginx = (server: string, port: number): Promise<RunningProxy> => {
  const home = createTempFolder()
  const config = `
    daemon off; pid ${home}/pid; error_log ${home}/error.log;
    ${process.getuid?.() === 0 ? 'user root;' : ''}
    events {}
    http {
      access_log off;
      client_body_temp_path ${home}/body; proxy_temp_path ${home}/proxy;
      fastcgi_temp_path ${home}/fastcgi; uwsgi_temp_path ${home}/uwsgi; scgi_temp_path ${home}/scgi;
      ${server}
    }`
  writeFileSync(join(home, 'nginx.conf'), config)
  return startProxy('nginx', ['-p', home, '-c', join(home, 'nginx.conf')], port)
}

export const startCaddy = (caddyfile: string, port: number): Promise<RunningProxy> => {
  const home = createTempFolder()
  writeFileSync(join(home, 'Caddyfile'), `{\n  admin off\n  auto_https off\n}\n${caddyfile}`)
  const args = ['run', '--adapter', 'caddyfile', '--config', join(home, 'Caddyfile')]
  return startProxy('caddy', args, port, { HOME: home, XDG_DATA_HOME: home, XDG_CONFIG_HOME: home })
}

async function startProxy(
  program: string,
  args: readonly string[],
  port: number,
  env: Readonly<Record<string, string>> = {},
): Promise<RunningProxy> {
  const child = spawn(program, args, { env: { ...process.env, ...env } })
  let stderrText = ''
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    stderrText += text
  })
  const exited = once(child, 'exit')
  while (!(await acceptsConnections(port))) {
    if (child.exitCode !== null) throw new Error(`${program} did not start:\n${stderrText}`)
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
