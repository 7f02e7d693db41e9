import { afterAll, beforeAll, expect, test } from 'vitest'
import { createTotp } from '../../src/crypto/totp.ts'
import { nodePrimitives } from '../../src/node/primitives.ts'
import { createQrCode } from '../../src/service/sign-in/second-factor.ts'
import { startWorkerd, type Workerd } from '../support/worker/workerd.ts'

let workerd: Workerd
beforeAll(async () => {
  workerd = await startWorkerd(undefined, { schema: [] })
})
afterAll(() => workerd.dispose())

test('a Worker checks codes and draws the QR code as Node does', async () => {
  const totp = createTotp(nodePrimitives)
  const secret = 'GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ'
  const uri = totp.createUri(secret, 'dr')
  // RFC 6238, appendix B.
  for (const [code, step] of [
    ['005924', 41_152_263],
    ['005925', null],
  ]) {
    const judged = await workerd.totp(secret, String(code), 1_234_567_890_000)
    expect(judged).toEqual({ step, uri, qr: createQrCode(uri) })
  }
})
