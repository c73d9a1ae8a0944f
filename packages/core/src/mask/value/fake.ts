import type { FakeKind } from '../policy/policy.ts';

// Small on purpose: what is made up is meant to be read, not to be told apart.
const firstNames = list(`
  Ada Alma Amir Anna Arno Asha Ben Bela Carla Chen Clara Dario Dina Elif Elsa Emil Eva Farid Finn Gita Greta Hana Hugo
  Ida Igor Ines Ivan Jana Jonas Kaja Karim Lara Leo Lina Luca Mara Mika Mina Nadia Nils Nora Olga Omar Oskar Paula Pia
  Rana Rosa Sami Selma Sven Tara Theo Tilda Uma Vera Viktor Wanda Yara Yusuf Zara Zoe Mei Kofi`);
const lastNames = list(`
  Abel Adler Almeida Andersen Baker Bauer Becker Berg Blanc Braun Carter Castro Costa Cruz Dahl Diaz Dubois Engel
  Farkas Fischer Flores Fuchs Garcia Graf Haas Hansen Hill Holm Ito Jansen Kaya Keller Kim Klein Kovac Kowalski Lang
  Larsen Lee Lopez Maier Martin Mendes Moreau Nagy Novak Okafor Olsen Park Patel Petrov Popov Ramos Rossi Santos Sato
  Silva Singh Stone Tanaka Torres Vogel Weber Young`);
const streets = list(`
  Ash Beech Birch Bridge Brook Canal Cedar Chapel Cherry Church Elm Forest Garden Harbour High Hill Lake Lime Maple
  Market Meadow Mill Oak Orchard Park Pine River School Spring Station Valley Willow`);
const cities = list(`
  Ashford Brookfield Cedarville Dunmore Eastwick Fairview Glenbrook Hillcrest Ivydale Jasper Kingsbury Lakewood
  Maplewood Northgate Oakdale Pinecrest Quarry Riverton Southmoor Thornbury Upland Valebrook Westfield Yarrow`);
const countries = list(`
  Austria Brazil Canada Chile Denmark Estonia Finland France Germany Ghana Greece Iceland India Ireland Italy Japan
  Kenya Latvia Mexico Norway Peru Poland Portugal Spain Sweden Uruguay Vietnam`);
const companyWords = list(`
  Amber Anchor Apex Beacon Cobalt Compass Copper Coral Delta Ember Falcon Granite Harbor Indigo Juniper Lantern Lotus
  Marble Nimbus Onyx Orbit Pebble Quartz Raven Saffron Summit Tundra Umber Velvet Willow Zenith Zephyr`);
const companyEnds = ['Ltd', 'Inc', 'GmbH', 'Group', 'Works', 'Labs', 'Trading', 'Partners'];
const plainWords = list(`
  acorn arrow basin bell blade bloom brick cabin candle cliff cloud coast crane dawn dune feather fern field flint
  frost glade grove hazel heron hollow island ivory kettle lantern leaf meadow mist moss nest ocean olive pebble petal
  plum pond quill rain reed ridge river sail sand shell shore slate snow spark stone storm thistle thorn tide timber
  tulip vale wave wheat willow wren`);
/** Reserved for examples (RFC 2606). */
const emailHosts = ['example.com', 'example.net', 'example.org'];

function list(words: string): readonly string[] {
  return words.trim().split(/\s+/);
}

/**
 * A value of this kind that is nobody's, chosen by `random`. Two values can get the same one: of some kinds there are
 * only a few dozen.
 *
 * @param random - 32 bytes
 */
export function fakeValue(kind: FakeKind, random: Buffer): string {
  const pick = (choices: readonly string[], at: number) =>
    choices[random.readUInt16BE(at) % choices.length] ?? '';
  const number = (size: number, at: number) => random.readUInt32BE(at) % size;
  const first = pick(firstNames, 0);
  const last = pick(lastNames, 2);
  switch (kind) {
    case 'first-name':
      return first;
    case 'last-name':
      return last;
    case 'full-name':
      return `${first} ${last}`;
    case 'user-name':
      return `${first}${last}${number(10_000, 4)}`.toLowerCase();
    case 'email':
      return `${first}.${last}${number(10_000, 4)}@${pick(emailHosts, 8)}`.toLowerCase();
    case 'phone':
      // 555-0100 to 555-0199 are given to nobody, in any area.
      return `+1${200 + number(800, 4)}55501${String(number(100, 8)).padStart(2, '0')}`;
    case 'street':
      return `${1 + number(300, 4)} ${pick(streets, 8)} Street`;
    case 'city':
      return pick(cities, 0);
    case 'postal-code':
      return String(10_000 + number(90_000, 4));
    case 'country':
      return pick(countries, 0);
    case 'company':
      return `${pick(companyWords, 0)} ${pick(companyEnds, 2)}`;
    default:
      return pick(plainWords, 0);
  }
}
