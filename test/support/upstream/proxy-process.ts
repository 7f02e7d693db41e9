import { startTestProxy } from './servers.ts'

/*
 * A gate in a process of its own, so that its memory is nobody else's. It is told of its upstream by
 * its first argument, and says how much memory it has used at most whenever it is sent anything.
 */

const proxy = await startTestProxy(process.argv[2] ?? '')
process.on('message', () => {
  process.send?.({
    peakBytes: process.resourceUsage().maxRSS * 1024,
    open: proxy.countConnections(),
  })
})
process.send?.({ url: proxy.url })
