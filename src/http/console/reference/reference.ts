import type { Context } from 'hono'
import { html } from 'hono/html'
import type { Caller } from '../../../service/refused.ts'
import { document } from '../answer.ts'
import { alone } from '../look/frame.ts'
export function showReference(c: Context, caller: Caller, api: unknown): Promise<Response> {
  return document(c, caller, alone('API', 'system', html`${String(api)}`))
}
