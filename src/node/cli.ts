#!/usr/bin/env node
import { Command } from 'commander'
import { readConfig } from '../config.ts'
import { createLog } from './log.ts'
import { start } from './server.ts'

const program = new Command('latchkey')
program.command('serve').action(async () => {
  const config = readConfig(process.env)
  const log = createLog(config.logLevel, 1)
  const running = await start(config, log)
  const stop = async () => {
    await running.stop()
    log.flush()
    process.exit(0)
  }
  process.once('SIGTERM', stop)
  process.once('SIGINT', stop)
})
await program.parseAsync()
