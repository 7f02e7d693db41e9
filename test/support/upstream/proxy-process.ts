import { startTestProxy } from './servers.ts'

/*
 * Runs a proxy in a process of its own, so that its memory can be measured. The first argument is the
 * URL of its upstream. It reports its peak memory whenever it is sent a message.
 */

const proxy = await startTestProxy(process.argv[2] ?? '')
process.on('message', () => {
  process.send?.({
    peakBytes: process.resourceUsage().maxRSS * 1024,
    open: proxy.countConnections(),
  })
})
process.send?.({ url: proxy.url })
