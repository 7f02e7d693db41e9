import { startLiveServer } from '../../support/server.ts'
import { createSystemClock } from '../../support/time.ts'
import { testImportsOverHttp } from './import-suite.ts'

testImportsOverHttp(async () => {
  const live = await startLiveServer()
  const call = (path: string, init: RequestInit = {}) =>
    fetch(`${live.consoleUrl}${path}`, { ...init, duplex: 'half' } as RequestInit)
  return { ...live, call, clock: createSystemClock() }
}, null)
