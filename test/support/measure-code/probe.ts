import { writeFileSync } from 'node:fs'
import { Session } from 'node:inspector/promises'
import { registerHooks } from 'node:module'
import { fileURLToPath, pathToFileURL } from 'node:url'

/*
 * Preloaded into a process of the measured tree. Writes the files of `src` that the process loads to
 * a report when it exits, and tells its parent on request the files whose functions run.
 */

const src = `${pathToFileURL(process.env.MEASURE_TREE ?? '').href}/src/`
const loaded = new Set<string>()
registerHooks({
  resolve(specifier, context, next) {
    try {
      return next(specifier, context)
    } catch (error) {
      // A checkout without node_modules uses those of this repository.
      if (/^[./]|^file:/.test(specifier)) throw error
      return next(specifier, { ...context, parentURL: import.meta.url })
    }
  },
  load(url, context, next) {
    if (url.startsWith(src)) loaded.add(url)
    return next(url, context)
  },
})

const toPaths = (urls: Iterable<string>): string[] =>
  [...urls].filter((url) => url.startsWith(src)).map((url) => fileURLToPath(url))

const inspector = new Session()
process.on('message', async (message) => {
  if (message === 'start') {
    inspector.connect()
    await inspector.post('Profiler.enable')
    await inspector.post('Profiler.startPreciseCoverage', { callCount: true, detailed: false })
    await inspector.post('Profiler.takePreciseCoverage')
  } else {
    const { result } = await inspector.post('Profiler.takePreciseCoverage')
    const ran = result.filter(({ functions }) => functions.some(({ ranges }) => ranges[0]?.count))
    process.send?.({ ran: toPaths(ran.map(({ url }) => url)) })
    return
  }
  process.send?.({ started: true })
})
// The channel must not keep a short command running.
process.channel?.unref()
process.on('disconnect', () => process.exit())
process.on('exit', () => {
  writeFileSync(process.env.MEASURE_REPORT ?? '', JSON.stringify(toPaths(loaded)))
})
