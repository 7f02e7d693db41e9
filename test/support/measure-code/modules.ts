import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

const PROBE = join(import.meta.dirname, 'probe.ts')
const CLI = 'src/node/cli.ts'
const PASSWORD = 'correct horse battery staple'

export interface ModuleCounts {
  /** Files of `src` that `latchkey keys list` loads. */
  readonly keysList: number
  /** Files of `src` that a server has loaded once it has answered its first GET /console/keys. */
  readonly consoleKeysLoaded: number
  /** Files of `src` in which a function runs during that request. */
  readonly consoleKeysRun: number
}

/** Runs the command line and the server of a tree, on an embedded database in a temporary folder. */
export async function countModules(tree: string): Promise<ModuleCounts> {
  const folder = mkdtempSync(join(tmpdir(), 'latchkey-measure-'))
  const start = (args: readonly string[], name = 'other'): ChildProcess => {
    const report = join(folder, `${name}.json`)
    const settings = { LATCHKEY_DATA: join(folder, 'data'), LATCHKEY_PORT: '0' }
    return fork(join(tree, CLI), args, {
      execArgv: ['--import', PROBE],
      env: { PATH: process.env.PATH, MEASURE_TREE: tree, MEASURE_REPORT: report, ...settings },
      stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
    })
  }
  const countLoaded = (name: string) =>
    (JSON.parse(readFileSync(join(folder, `${name}.json`), 'utf8')) as string[]).length
  try {
    const server = start(['serve'], 'serve')
    try {
      const origin = await findConsole(server)
      await readOutput(start(['keys', 'list'], 'keys-list'))
      const { link } = JSON.parse(await readOutput(start(['console', 'link', '--json'])))
      const open = await signIn(origin, new URL(link).pathname)
      await ask(server, 'start')
      const { status } = await open('/console/keys')
      if (status !== 200) throw new Error(`GET /console/keys was answered with ${status}`)
      const { ran } = await ask(server, 'stop')
      const exited = once(server, 'exit')
      server.kill('SIGTERM')
      await exited
      return {
        keysList: countLoaded('keys-list'),
        consoleKeysLoaded: countLoaded('serve'),
        consoleKeysRun: ran.length,
      }
    } finally {
      server.kill('SIGKILL')
    }
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

async function readOutput(child: ChildProcess): Promise<string> {
  let stdout = ''
  let stderr = ''
  child.stdout?.setEncoding('utf8').on('data', (text: string) => {
    stdout += text
  })
  child.stderr?.setEncoding('utf8').on('data', (text: string) => {
    stderr += text
  })
  const [code] = await once(child, 'close')
  if (code !== 0) throw new Error(`${child.spawnargs.join(' ')} exited with ${code}: ${stderr}`)
  return stdout
}

/** Waits for the log line that says where the console listens. */
async function findConsole(server: ChildProcess): Promise<string> {
  const ended = readOutput(server).then((output) => {
    throw new Error(`the server ended: ${output}`)
  })
  const listening = new Promise<string>((resolve) => {
    let output = ''
    server.stdout?.on('data', (text: string) => {
      output += text
      const line = /^.*"msg":"listening".*$/m.exec(output)?.[0]
      if (line === undefined) return
      const { port, console } = JSON.parse(line) as { port: number; console?: { port: number } }
      // Before the console had a listener of its own, it was on the server's port.
      resolve(`http://127.0.0.1:${console?.port ?? port}`)
    })
  })
  return Promise.race([listening, ended])
}

async function ask(server: ChildProcess, what: 'start' | 'stop'): Promise<{ ran: string[] }> {
  server.send(what)
  const [answer] = await once(server, 'message')
  return answer as { ran: string[] }
}

/** Creates the first operator by the form of the printed link, and signs them in. */
async function signIn(origin: string, welcomePath: string) {
  const cookies = new Map<string, string>()
  const open = async (path: string, form?: URLSearchParams) => {
    const cookie = [...cookies].map(([name, value]) => `${name}=${value}`).join('; ')
    const headers = { Cookie: cookie, 'Sec-Fetch-Site': 'same-origin' }
    const init = form === undefined ? {} : { method: 'POST', body: form }
    const answer = await fetch(origin + path, { ...init, headers, redirect: 'manual' })
    for (const line of answer.headers.getSetCookie()) {
      const [, name = '', value = ''] = /^([^=]+)=([^;]*)/.exec(line) ?? []
      cookies.set(name, value)
    }
    return { status: answer.status, html: await answer.text() }
  }
  for (const path of [welcomePath, '/console/sign-in']) {
    const { html } = await open(path)
    const { status } = await open(path, fillForm(html))
    if (status !== 303) throw new Error(`the form of ${path} was answered with ${status}`)
  }
  return open
}

/** Fills the inputs of a page by their types: names of fields may differ between two trees. */
function fillForm(html: string): URLSearchParams {
  const form = new URLSearchParams()
  for (const [input] of html.matchAll(/<input[^>]*>/g)) {
    const find = (name: string) => new RegExp(` ${name}="([^"]*)"`).exec(input)?.[1]
    const typed = { hidden: find('value'), password: PASSWORD, email: 'mara@meridian.example' }
    const type = find('type') as keyof typeof typed
    form.append(find('name') ?? '', typed[type] ?? 'mara.olsen')
  }
  return form
}
