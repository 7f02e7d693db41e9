import { html } from 'hono/html'
import type { Qr } from '../../../service/people/qr.ts'
import type { Html } from '../parts/html.ts'

/** Black on white in every light: that is how cameras want it. */
export const drawn = ({ size, path }: Qr): Html => html`
  <svg class="qr" viewBox="0 0 ${size} ${size}" width="220" height="220" role="img" aria-label="The setup key as a QR code" shape-rendering="crispEdges">
    <rect width="${size}" height="${size}" fill="#fff"/><path d="${path}" fill="#000"/></svg>`
