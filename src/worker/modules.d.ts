/** What a Worker imports that no package declares. */

declare module 'cloudflare:workers' {
  /** Keeps the request's work alive until the promise settles, although its answer is out. */
  export function waitUntil(work: Promise<unknown>): void
}

declare module '*.wasm' {
  const module: WebAssembly.Module
  export default module
}
