export const MESSAGES = '/console/messages'
export const ABOVE_MESSAGE = [{ href: MESSAGES, text: 'Messages' }]
