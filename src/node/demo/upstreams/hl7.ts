import { Hono } from 'hono'
import { acknowledge } from './hl7-v2.ts'
import { acknowledgeV3 } from './hl7-v3.ts'

/** How v2 in its encoding of bars and hats is sent; with no type at all, too. */
const V2_TYPES = /^(text\/plain|application\/hl7-v2(\+er7)?|x-application\/hl7-v2\+er7)\s*(;|$)/i
const V3_TYPES = /^((text|application)\/xml|application\/[\w.-]+\+xml)\s*(;|$)/i

/** A receiver of HL7 over HTTP. Whatever it makes of a message, it says in HL7, with a 200. */
export function hl7Upstream(): Hono {
  const app = new Hono()

  app.post('/v2/ingest', async ({ req }) => {
    const type = req.header('content-type') ?? 'text/plain'
    if (!V2_TYPES.test(type)) return text(415, `HL7 v2 is not sent as ${type}.`)
    return new Response(acknowledge(await req.text(), new Date()), {
      headers: { 'Content-Type': type },
    })
  })

  app.post('/v3/ingest', async ({ req }) => {
    const type = req.header('content-type') ?? 'application/xml'
    if (!V3_TYPES.test(type)) return text(415, `HL7 v3 is not sent as ${type}.`)
    return new Response(acknowledgeV3(await req.text(), new Date()), {
      headers: { 'Content-Type': type },
    })
  })

  app.all('/v2/ingest', () => text(405, 'This path takes POST only.', { Allow: 'POST' }))
  app.all('/v3/ingest', () => text(405, 'This path takes POST only.', { Allow: 'POST' }))
  app.notFound(() => text(404, 'HL7 is taken at /v2/ingest and /v3/ingest.'))
  return app
}

const text = (status: number, words: string, headers: Record<string, string> = {}) =>
  new Response(words, {
    status,
    headers: { 'Content-Type': 'text/plain; charset=utf-8', ...headers },
  })
