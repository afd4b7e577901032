/*
 * The formats of strings that can be kept (JSON Schema draft 2020-12, section 7.3), as patterns. They allow less than
 * the formats do: what is odd, such as leap seconds and quoted names of mailboxes, is left out.
 */

const OCTET = '(25[0-5]|2[0-4][0-9]|1[0-9][0-9]|[1-9]?[0-9])';
const HOUR_AND_MINUTE = '([01][0-9]|2[0-3]):[0-5][0-9]';
const TIME = `${HOUR_AND_MINUTE}:[0-5][0-9](\\.[0-9]{1,6})?(Z|[+-]${HOUR_AND_MINUTE})`;
const DAY = '(0[1-9]|1[0-9]|2[0-8])';
const DATE = `(19|20)[0-9]{2}-((0[1-9]|1[0-2])-${DAY}|(0[13-9]|1[0-2])-(29|30)|(0[13578]|1[02])-31)`;
const LABEL = '[a-z0-9]([a-z0-9-]{0,40}[a-z0-9])?';
const HOST = `${LABEL}(\\.${LABEL}){0,5}`;
const GROUP = '[0-9a-f]{1,4}';

export const FORMATS: Readonly<Record<string, string>> = {
  date: `^${DATE}$`,
  time: `^${TIME}$`,
  'date-time': `^${DATE}T${TIME}$`,
  duration: '^P([1-9][0-9]{0,5}W|([1-9][0-9]{0,5}D)?T[1-9][0-9]{0,5}[HMS]|[1-9][0-9]{0,5}[YMD])$',
  email: `^[a-z0-9]+([._+-][a-z0-9]+){0,8}@${LABEL}(\\.${LABEL}){1,5}$`,
  hostname: `^${HOST}$`,
  ipv4: `^${OCTET}\\.${OCTET}\\.${OCTET}\\.${OCTET}$`,
  ipv6: `^(${GROUP}:){7}${GROUP}$`,
  uri: `^https?://${HOST}(:[1-9][0-9]{0,3})?(/[A-Za-z0-9._~-]+){0,16}/?(\\?[A-Za-z0-9._~=&-]{1,200})?$`,
  uuid: '^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$',
};

/** Those that JSON Schema defines, too, and that cannot be kept. */
export const OTHER_FORMATS: readonly string[] = [
  ...['idn-email', 'idn-hostname', 'uri-reference', 'iri', 'iri-reference', 'uri-template'],
  ...['json-pointer', 'relative-json-pointer', 'regex'],
];
