export const PEOPLE = '/console/people'
export const ABOVE_PEOPLE = [{ href: PEOPLE, text: 'People' }]
