export const SOURCES = '/console/sources'
export const DESTINATIONS = '/console/destinations'
export const FEEDS = '/console/feeds'

export const ABOVE_SOURCE = [{ href: SOURCES, text: 'Sources' }]
export const ABOVE_DESTINATION = [{ href: DESTINATIONS, text: 'Destinations' }]
export const ABOVE_FEED = [{ href: FEEDS, text: 'Feeds' }]
