import { Hono } from 'hono'
import { ICON } from './icon.ts'
import { SCRIPT } from './script.ts'
import { STYLE } from './style.ts'

/** Their paths change with what they hold, so that a browser may keep them for ever. */
export const STYLE_PATH = `/console/look-${fingerprint(STYLE)}.css`
export const SCRIPT_PATH = `/console/look-${fingerprint(SCRIPT)}.js`
export const ICON_PATH = '/console/icon.svg'

export function assets(): Hono {
  const app = new Hono()
  app.get(STYLE_PATH, () => kept(STYLE, 'text/css; charset=utf-8'))
  app.get(SCRIPT_PATH, () => kept(SCRIPT, 'text/javascript; charset=utf-8'))
  app.get(ICON_PATH, () => kept(ICON, 'image/svg+xml'))
  return app
}

const kept = (body: string, type: string) =>
  new Response(body, {
    headers: {
      'Content-Type': type,
      'Cache-Control': 'public, max-age=31536000, immutable',
      'X-Content-Type-Options': 'nosniff',
      'Cross-Origin-Resource-Policy': 'same-origin',
    },
  })

/** FNV-1a: tells one release's text from another's, and guards nothing. */
function fingerprint(text: string): string {
  let hash = 0x811c9dc5
  for (let n = 0; n < text.length; n++) {
    hash = Math.imul(hash ^ text.charCodeAt(n), 0x01000193) >>> 0
  }
  return hash.toString(36)
}
