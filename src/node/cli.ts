#!/usr/bin/env node
/*
 * Starts the command line where it can run. Any older Node can read this file, and it loads nothing
 * before it has looked: a native module of another version ends the process by a segmentation fault.
 */

const NODE_MAJOR_MIN = 24
/** Both at one size: fewer and shorter collections for half the CPU. They are read at start alone. */
const HEAP_FLAGS = ['--max-semi-space-size=16', '--min-semi-space-size=16']

const { argv, env, execArgv, execPath, versions } = process

if (Number.parseInt(versions.node, 10) < NODE_MAJOR_MIN) {
  const message =
    `Latchkey needs Node ${NODE_MAJOR_MIN} or newer, and this is Node ${versions.node}: ` +
    `install a newer one (\`npm install --global node@${NODE_MAJOR_MIN}\`)`
  const failure = JSON.stringify({ error: { problem: 'failed', message } })
  process.stderr.write(`${argv.includes('--json') ? failure : message}\n`)
  process.exitCode = 1
} else if (stays() && lacksHeapFlags()) {
  process.execve?.(execPath, [execPath, ...execArgv, ...HEAP_FLAGS, ...argv.slice(1)], env)
} else {
  await import('./cli/main.ts')
}

/** A command that ends at once would pay more for a second start than it saves. */
function stays(): boolean {
  const command = argv.slice(2).find((arg) => !arg.startsWith('-'))
  return command === 'serve' || command === 'demo'
}

/** A process that was forked would lose its channel, and Windows cannot replace a program. */
function lacksHeapFlags(): boolean {
  const given = [...execArgv, env.NODE_OPTIONS ?? ''].join(' ')
  const canReplace = process.execve !== undefined && process.platform !== 'win32'
  return canReplace && process.send === undefined && !given.includes('semi-space-size')
}

export {}
