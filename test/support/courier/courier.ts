import { networksOf } from '../../../src/domain/address.ts'
import { createCourier } from '../../../src/http/courier.ts'
import { createDispatch, type DispatchOptions } from '../../../src/node/courier/dispatch.ts'
import type { DestinationAddress } from '../../../src/service/ports.ts'

export const HERE = ['127.0.0.0/8', '::1/128']

export interface CourierOptions extends Partial<Omit<DispatchOptions, 'allowed'>> {
  readonly allowed?: readonly string[]
  readonly deliveryMs?: number
}

/** The courier of a Node server, that may reach this machine. */
export function testCourier({ allowed = HERE, deliveryMs, ...options }: CourierOptions = {}) {
  return createCourier({
    dispatch: createDispatch({ allowed: networksOf(allowed), ...options }),
    applicationName: 'Latchkey',
    ...(deliveryMs !== undefined && { deliveryMs }),
  })
}

export const TOKEN = 'token-of-the-destination'

/** A development destination at this URL. */
export const at = (url: string | null, more: Partial<DestinationAddress> = {}) => ({
  id: 'destination-1',
  url,
  method: 'POST' as const,
  development: true,
  verificationToken: TOKEN,
  ...more,
})

/** Never aborted. */
export const patiently = () => new AbortController().signal

/** The shortest body that is JSON. */
export const EMPTY_MESSAGE = new TextEncoder().encode('{}')
