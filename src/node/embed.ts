/*
 * The package as a library: a server inside another program.
 *
 *   const server = await start(readConfig(process.env), createLog('info', 1))
 *   await server.stop()
 */

export { type Config, ConfigError, readConfig } from '../config.ts'
export { createLog } from './log.ts'
export { type RunningServer as Running, startLatchkey as start } from './server.ts'
