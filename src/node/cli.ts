#!/usr/bin/env node
/*
 * Checks the version of Node, then starts the command line. Older versions can parse this file, and it
 * loads nothing before the check, because a native module for another version crashes the process.
 */

import module from 'node:module'
import { userInfo } from 'node:os'
import { join } from 'node:path'
import { setFlagsFromString } from 'node:v8'

const NODE_MAJOR_MIN = 24
/**
 * In a young generation of 8 MB, most requests end before it is collected. It begins with 2 MB, and is small again
 * after a while without requests. With one thread beside it that collects, instead of four, the event loop waits a
 * quarter as long for a core. Node reads these only at start.
 */
const HEAP_FLAGS = ['--max-semi-space-size=8', '--min-semi-space-size=2', '--v8-pool-size=1']
/**
 * One arena of the GNU C library for all threads (mallopt(3)): each of several keeps what its threads have
 * freed, about 12 MB together.
 */
const HEAP_ENVIRONMENT = { MALLOC_ARENA_MAX: '1' }
/**
 * Set at run time, because Node would not start with a flag that a later version lacks.
 *
 * - Collects garbage when the heap has grown by 40 % since the last time: by default it may grow to four times its size.
 * - Frees the memory of a compilation on the main thread: the one other thread is too busy to do it soon, and the C
 *   library keeps what so many compilations had at once, about 20 MB.
 * - Creates each object in the young generation. By default, V8 creates those of some places in the old one, once
 *   many of them have survived a collection, as they do while 64 requests wait for one commit. From then on each request
 *   leaves garbage there, and the server takes half as much CPU time again until it ends.
 * - Gives each thread the young generation of its own limits, which `HEAP_FLAGS` would overrule.
 * - Keeps compiled code while there are no requests, or the first thousands after a pause would cost twice as much.
 */
const RUNTIME_FLAGS = [
  '--heap-growing-percent=40',
  '--no-maglev-destroy-on-background',
  '--no-allocation-site-pretenuring',
  '--max-semi-space-size=0',
  '--min-semi-space-size=0',
  '--no-flush-bytecode',
]
/**
 * The length of the block that Node cuts small buffers from. One of Node's 64 KB lives through several collections of
 * the young generation, and is then kept until the old one is collected, which API keys alone rarely cause.
 */
const BUFFER_POOL_BYTES = 16 * 1024

const { argv, env, execArgv, execPath, versions } = process

if (Number.parseInt(versions.node, 10) < NODE_MAJOR_MIN) {
  const message =
    `Latchkey needs Node ${NODE_MAJOR_MIN} or newer, and this is Node ${versions.node}: ` +
    `install a newer version (\`npm install --global node@${NODE_MAJOR_MIN}\`)`
  const failure = JSON.stringify({ error: { problem: 'failed', message } })
  process.stderr.write(`${argv.includes('--json') ? failure : message}\n`)
  process.exitCode = 1
} else if (isLongRunning() && isMissingHeapFlags()) {
  process.execve?.(execPath, [execPath, ...execArgv, ...HEAP_FLAGS, ...argv.slice(1)], {
    ...HEAP_ENVIRONMENT,
    ...env,
  })
} else {
  if (isLongRunning()) {
    for (const flag of RUNTIME_FLAGS) setFlagsFromString(flag)
    Buffer.poolSize = BUFFER_POOL_BYTES
  }
  cacheCompiledCode()
  const { runProgram } = await import('./cli/program.ts')
  await runProgram(argv.slice(2))
}

/** Caches compiled code for the next start, in the user's home: Node runs it, so nobody else may write there. */
function cacheCompiledCode(): void {
  try {
    module.enableCompileCache(join(userInfo().homedir, '.cache', 'latchkey'))
  } catch {
    // A user without an entry in passwd(5) has no home.
  }
}

/** Tests if the command runs for long. For a short one, a second start costs more than it saves. */
function isLongRunning(): boolean {
  const command = argv.slice(2).find((arg) => !arg.startsWith('-'))
  return command === 'serve' || command === 'demo'
}

/**
 * Tests if this program must be replaced to get the flags. A forked process would lose its channel;
 * Windows cannot do it.
 */
function isMissingHeapFlags(): boolean {
  const nodeOptions = [...execArgv, env.NODE_OPTIONS ?? ''].join(' ')
  const canReplace = process.execve !== undefined && process.platform !== 'win32'
  return canReplace && process.send === undefined && !nodeOptions.includes('semi-space-size')
}
