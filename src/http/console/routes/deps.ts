/** What the handshake says of this server. */
export interface RouteScreenDeps {
  readonly applicationName: string
}
