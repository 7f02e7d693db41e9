import type { Log } from '../service/ports/runtime.ts'

/** For commands that report errors themselves. */
export const silentLog: Log = { debug() {}, info() {}, warn() {}, error() {} }
